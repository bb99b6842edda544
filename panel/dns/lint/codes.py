"""Every code of the lint, and how grave it is."""

from __future__ import annotations

from panel.dns.lint.remarks import Level

_ERRORS = """
apex_ns_missing apex_cname alias_many cname_beside cname_loop below_dname wildcard_type set_large
glue_missing ds_apex ds_without_ns ds_length
ns_nowhere mx_nowhere ns_alias mx_alias target_is_address
null_mx_beside mta_sts_syntax tls_rpt_syntax
spf_many spf_syntax spf_lookups spf_loop spf_include_none
dmarc_many dmarc_like dmarc_syntax
dkim_many dkim_syntax dkim_key dkim_too_weak
caa_syntax caa_critical
srv_none_beside naptr_both naptr_expression
"""
_WARNINGS = """
star_inside wildcard_gap name_doubled soa_retry soa_expire
ns_one below_cut ds_old
target_nowhere dangling srv_alias target_doubled target_host site_gone
address_private address_unusable
mx_double mta_sts_host
spf_like spf_long spf_open_end spf_after_all spf_pass_all spf_ptr
dmarc_unknown dmarc_old dmarc_no_policy dmarc_report
dkim_weak dkim_testing
caa_unknown caa_flags tlsa_numbers tlsa_name
svcb_mixed srv_name ptr_forward ptr_many ptr_name
"""

LEVELS: dict[str, Level] = {
    **dict.fromkeys(_ERRORS.split(), "error"),
    **dict.fromkeys(_WARNINGS.split(), "warning"),
}
"""An error is what no receiver can make sense of, or what takes the zone or its mail down; the rest asks."""
