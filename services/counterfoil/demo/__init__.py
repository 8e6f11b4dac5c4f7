"""The demo: a voucher market over a real GPU cluster trace, in virtual time, from one seed.

Supply: the machines of the Alibaba 2023 GPU trace, offered at published rents of China (`accelerators`). Demand: its
tasks. `model` says how both are scaled, and how start-ups are made. All parties are fictional; the cities' programmes
are documents made of the templates that mirror real ones (`cities`).

The story (`scenario`) is played on a `testbed.system.System`: every service in one process (`play_in_process`), behind
a gateway (`play_over_gateway`), or each as a process that the demo starts (`play_distributed`). It ends with the same
balances every time.
"""
