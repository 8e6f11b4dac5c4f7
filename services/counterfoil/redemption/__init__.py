"""Redemption: turns trades into delivered GPU time and delivered GPU time into payment.

`service` names its decider, `views` its read models. The business itself is in `counterfoil.core.redemption`.
"""
