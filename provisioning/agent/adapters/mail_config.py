"""The configuration of Postfix and Dovecot on a mail node, whole files.

Text only: what is written where, and when the services must read it again, is `mail_base`'s. Nothing here changes
when a mailbox does. Names of settings: postconf(5), Dovecot 2.3 and Pigeonhole 0.5 manuals.
"""

from __future__ import annotations

DATABASE = "/var/lib/cis/mail/mail.sqlite"
MAPS = "/etc/postfix/cis"
MAIL_ROOT = "/srv/mail"
CERTIFICATE = "/etc/cis/tls/cert.pem"
CERTIFICATE_KEY = "/etc/cis/tls/key.pem"
DOVECOT_EXTRAS = "/etc/dovecot/cis"
MANAGED = "# Written by CIS Panel's node set-up; it is overwritten when the set-up runs again.\n"


def main_cf(hostname: str) -> str:
    """Build Postfix' main.cf. Needs no reload when addresses change: LMDB maps are read through one transaction."""
    return MANAGED + _MAIN_CF.format(hostname=hostname)


def master_cf() -> str:
    """Build Postfix' master.cf: SMTP, submission with and without STARTTLS, delivery to Dovecot."""
    return MANAGED + _MASTER_CF


def dovecot_conf(hostname: str) -> str:
    """Build dovecot.conf."""
    return MANAGED + _DOVECOT_CONF.replace("@HOSTNAME@", hostname)


def dovecot_extras() -> dict[str, str]:
    """Build the files beside dovecot.conf: name → text."""
    return {
        "passdb.conf": MANAGED + _PASSDB,
        "master.conf": MANAGED + _MASTER_PASSDB,
        "userdb.conf": MANAGED + _USERDB,
        "acl": _ACL,
        "probe.sieve": MANAGED + _PROBE_SIEVE,
    }


_MAIN_CF = """\
compatibility_level = 3.6
myhostname = {hostname}
myorigin = $myhostname
mydestination =
mynetworks = 127.0.0.0/8 [::1]/128
inet_interfaces = all
inet_protocols = all
alias_maps =
alias_database =
local_transport = error:5.1.1 no local mail here
biff = no
append_dot_mydomain = no
smtpd_banner = $myhostname ESMTP
enable_long_queue_ids = yes
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
recipient_delimiter = +
smtputf8_enable = yes

# Room for some ten million addresses; the file is sparse and grows only as it is filled.
lmdb_map_size = 4294967296
virtual_mailbox_domains = lmdb:/etc/postfix/cis/domains
virtual_mailbox_maps = lmdb:/etc/postfix/cis/mailboxes
virtual_alias_maps = lmdb:/etc/postfix/cis/aliases
smtpd_sender_login_maps = lmdb:/etc/postfix/cis/senders
virtual_transport = lmtp:unix:private/dovecot-lmtp

smtpd_tls_chain_files = /etc/cis/tls/key.pem, /etc/cis/tls/cert.pem
smtpd_tls_security_level = may
smtpd_tls_protocols = >=TLSv1.2
smtpd_tls_mandatory_protocols = >=TLSv1.2
smtpd_tls_auth_only = yes
smtpd_tls_received_header = yes
smtp_tls_security_level = may
smtp_tls_CApath = /etc/ssl/certs

smtpd_sasl_type = dovecot
smtpd_sasl_path = private/auth
smtpd_helo_required = yes
disable_vrfy_command = yes
smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unlisted_recipient, check_policy_service unix:private/quota-status
smtpd_data_restrictions = reject_unauth_pipelining
"""

_MASTER_CF = """\
smtp       inet  n  -  n  -      -  smtpd
submission inet  n  -  n  -      -  smtpd
  -o syslog_name=postfix/submission
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=
submissions inet n  -  n  -      -  smtpd
  -o syslog_name=postfix/submissions
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
  -o smtpd_sender_restrictions=reject_sender_login_mismatch
  -o smtpd_relay_restrictions=permit_sasl_authenticated,reject
  -o smtpd_recipient_restrictions=
pickup     unix  n  -  n  60     1  pickup
cleanup    unix  n  -  n  -      0  cleanup
qmgr       unix  n  -  n  300    1  qmgr
tlsmgr     unix  -  -  n  1000?  1  tlsmgr
rewrite    unix  -  -  n  -      -  trivial-rewrite
bounce     unix  -  -  n  -      0  bounce
defer      unix  -  -  n  -      0  bounce
trace      unix  -  -  n  -      0  bounce
verify     unix  -  -  n  -      1  verify
flush      unix  n  -  n  1000?  0  flush
proxymap   unix  -  -  n  -      -  proxymap
proxywrite unix  -  -  n  -      1  proxymap
smtp       unix  -  -  n  -      -  smtp
relay      unix  -  -  n  -      -  smtp
showq      unix  n  -  n  -      -  showq
error      unix  -  -  n  -      -  error
retry      unix  -  -  n  -      -  error
discard    unix  -  -  n  -      -  discard
lmtp       unix  -  -  n  -      -  lmtp
anvil      unix  -  -  n  -      1  anvil
scache     unix  -  -  n  -      1  scache
postlog    unix-dgram n - n -    1  postlogd
"""

_DOVECOT_CONF = """\
protocols = imap lmtp sieve
listen = *, ::
hostname = @HOSTNAME@

ssl = required
ssl_min_protocol = TLSv1.2
ssl_cert = </etc/cis/tls/cert.pem
ssl_key = </etc/cis/tls/key.pem
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_failure_delay = 2 secs
# Every look-up is one indexed read; a cache would serve a blocked mailbox after it was blocked.
auth_cache_size = 0

mail_uid = vmail
mail_gid = vmail
first_valid_uid = 5000
last_valid_uid = 5000
mail_home = /srv/mail/none
mail_location = maildir:~/Maildir
mail_plugins = quota
recipient_delimiter = +

# The probe's own login, before all others: it ends here, whether it is right or wrong.
passdb {
  driver = sql
  master = yes
  args = /etc/dovecot/cis/master.conf
}
passdb {
  driver = sql
  args = /etc/dovecot/cis/passdb.conf
}
userdb {
  driver = sql
  args = /etc/dovecot/cis/userdb.conf
}

namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox Junk {
    special_use = \\Junk
  }
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Trash {
    special_use = \\Trash
  }
  mailbox cis-probe {
    auto = create
  }
}

protocol imap {
  mail_plugins = $mail_plugins imap_quota acl
}
protocol lmtp {
  mail_plugins = $mail_plugins sieve
  postmaster_address = postmaster@@HOSTNAME@
}

plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_rule = *:storage=1G
  quota_rule2 = cis-probe:ignore
  quota_status_success = DUNNO
  quota_status_nouser = DUNNO
  quota_status_overquota = 552 5.2.2 Mailbox is full
  acl = vfile:/etc/dovecot/cis/acl
  sieve = file:~/sieve;active=~/.dovecot.sieve
  sieve_before = /etc/dovecot/cis/probe.sieve
  sieve_global_extensions = +vnd.dovecot.environment
}

service auth {
  unix_listener /var/spool/postfix/private/auth {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service auth-worker {
  user = dovecot
}
service lmtp {
  process_min_avail = 1
  unix_listener /var/spool/postfix/private/dovecot-lmtp {
    mode = 0600
    user = postfix
    group = postfix
  }
}
service quota-status {
  executable = quota-status -p postfix
  client_limit = 1
  unix_listener /var/spool/postfix/private/quota-status {
    mode = 0600
    user = postfix
  }
}
service imap-login {
  # One process serves many connections, and one waits ready: signing in forks nothing.
  service_count = 0
  process_min_avail = 1
  inet_listener imap {
    port = 0
  }
}
service imap {
  process_min_avail = 1
}
"""

_CONNECT = "driver = sqlite\nconnect = /var/lib/cis/mail/mail.sqlite\ndefault_pass_scheme = PLAIN\n"

# Whoever may not sign in gets a hash no password has: a `nologin` field would keep the probe out too.
_PASSDB = (
    _CONNECT
    + """\
password_query = SELECT address AS user, \\
  CASE login WHEN 'open' THEN password_hash ELSE '{CRYPT}!' END AS password \\
  FROM mailbox WHERE address = '%u'
"""
)

_MASTER_PASSDB = (
    _CONNECT
    + """\
password_query = SELECT 'probe' AS user, '{SHA256.HEX}' || digest AS password, network AS allow_nets \\
  FROM probe_master WHERE '%u' = 'probe' AND expires_at > CAST(strftime('%%s', 'now') AS INTEGER)
"""
)

_USERDB = (
    _CONNECT
    + """\
user_query = SELECT mailbox.address AS user, \\
  '/srv/mail/' || substr(mailbox.id, 1, 2) || '/' || mailbox.id AS home, \\
  '*:storage=' || quota_mb || 'M' AS quota_rule, coalesce(token, '') AS sieve_env_cis_probe \\
  FROM mailbox LEFT JOIN probe_token ON probe_token.mailbox_id = mailbox.id \\
  AND probe_token.expires_at > CAST(strftime('%%s', 'now') AS INTEGER) WHERE mailbox.address = '%u'
iterate_query = SELECT address AS user FROM mailbox
"""
)

_ACL = "cis-probe user=probe lrwstie\ncis-probe owner\n"

# The token is read when the script runs, from the look-up of this one user; the script itself never changes.
_PROBE_SIEVE = """\
require ["fileinto", "variables", "environment", "vnd.dovecot.environment", "duplicate"];

if allof (not environment :is "vnd.dovecot.config.cis_probe" "",
          header :is "X-CIS-Probe" "${env.vnd.dovecot.config.cis_probe}",
          not duplicate :handle "cis-probe" :header "X-CIS-Probe" :seconds 86400) {
    fileinto "cis-probe";
    stop;
}
"""
