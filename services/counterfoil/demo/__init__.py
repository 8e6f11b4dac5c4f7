"""The demo: a voucher market over a real GPU cluster trace, in virtual time, from one seed.

Supply: the nodes of the Alibaba 2023 GPU trace, offered at published list prices. Demand: its tasks. The trace has no
prices and no firms; `model` says how both are generated. All parties are fictional; three real programmes are cited as
the sources of the programmes' terms.

The story (`scenario`) is played on a `testbed.system.System`: every service in one process (`play_in_process`), behind
a gateway (`play_over_gateway`), or each as a process that the demo starts (`play_distributed`). It ends with the same
balances every time.
"""
