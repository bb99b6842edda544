"""Webhooks: what happened, told to programs of the members by signed HTTP requests.

Belongs here: who set up which webhook, which events it is sent, signing, sending and trying again. What an event looks
like outside is ``panel.shapes``'; whoever sends hands that in. Notices to people are ``panel.notices``'.
"""
