"""The log in the words of security monitoring: OCSF as JSON lines, or CEF over RFC 5424 syslog."""

from towpath.trace.audit.siem.cef import as_syslog
from towpath.trace.audit.siem.following import FORMS, Cursor, Form, feed
from towpath.trace.audit.siem.ocsf import as_ocsf
from towpath.trace.audit.siem.telling import Teller

__all__ = ["FORMS", "Cursor", "Form", "Teller", "as_ocsf", "as_syslog", "feed"]
