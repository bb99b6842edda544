"""Whether what a mailbox submits is in its own name: a filter that Postfix asks (a milter), a process of its own.

Here: Postfix' filter protocol, the names of senders in headers, whose they are, and the server. It reads the agent's
store and writes nowhere. How it is installed and started is `agent.base`'s; where Postfix asks it says `master.cf`.
"""
