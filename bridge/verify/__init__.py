"""Does a request prove that it comes from the provider? Pure rules over headers and exact bytes.

`rules.py` the shape of a rule and of a request · `keys.py` secrets and public keys as people paste them · `proof.py`
where a proof stands and what exactly is signed · `schemes.py` the schemes themselves.
"""

from bridge.verify.keys import what_is_wrong_with
from bridge.verify.proof import SIGNED_NAMES
from bridge.verify.rules import Incoming, Rule, Time, Verdict
from bridge.verify.schemes import SCHEMES, verify

__all__ = ["SCHEMES", "SIGNED_NAMES", "Incoming", "Rule", "Time", "Verdict", "verify", "what_is_wrong_with"]
