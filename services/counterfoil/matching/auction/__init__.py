"""The batch auction UPA-1: one uniform price for each delivery hour, blocks in whole or not at all.

Pure arithmetic over integers, apart from the orders' life: `book` is what is auctioned, `scarcity` what the parameters
make of it before prices, `slots` clears one hour, `settling` all hours with blocks given, `solving` chooses the blocks,
`certificate` checks a result by sums of its own.
"""
