"""The command line: arguments, output and exit codes; what it does is done by the packages below."""
