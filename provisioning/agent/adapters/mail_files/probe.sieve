# Written by CIS Panel's node set-up; it is overwritten when the set-up runs again.
# The token is read when the script runs, from the look-up of this one user; the script itself never changes.
require ["fileinto", "variables", "environment", "vnd.dovecot.environment", "duplicate"];

if allof (not environment :is "vnd.dovecot.config.cis_probe" "",
          header :is "X-CIS-Probe" "${env.vnd.dovecot.config.cis_probe}",
          not duplicate :handle "cis-probe" :header "X-CIS-Probe" :seconds 86400) {
    fileinto "cis-probe";
    stop;
}
