"""For those who use Counterfoil: signs commands, talks to a gateway, checks receipts."""
