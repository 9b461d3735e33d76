"""The one list of phrases that this project does not use, each with the better wording.

Every rule holds an example that it catches and one that it lets pass; `tests/unit/test_english.py` tries both.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MARKDOWN: Final = "Markdown"
DOCSTRINGS: Final = "docstrings"
COMMENTS: Final = "comments"
TEXTS: Final = "texts"
LOG_EVENTS: Final = "log events"
KINDS: Final = (MARKDOWN, DOCSTRINGS, COMMENTS, TEXTS, LOG_EVENTS)
PROSE: Final = frozenset(KINDS)
IN_CODE: Final = frozenset({DOCSTRINGS, COMMENTS})

# Where a sentence begins: at the start of a block, or after a full stop, colon or semicolon.
START: Final = r"(?:\A|(?<=[.!?:;] ))\W*"
# Two of these after `what` make it the subject of a sentence; one is only a title ("What a payer sees.").
VERB: Final = (
    r"\b(?:(?:is|are|was|were|has|have|had|does|do|did|can|cannot|may|must|will|would)"
    r"(?: not| never| also)?(?: be)? \w+"
    r"|goes|stays|gets|comes|ends|counts|stands|belongs|needs|makes|keeps|takes|gives|lets|leads|means|\w{3,}ed)\b"
)

LONGEST_SENTENCE_WORDS: Final = 35
LONG_SENTENCE: Final = "long-sentence"
SPLIT_IT: Final = f"split it: at most {LONGEST_SENTENCE_WORDS} words, one idea each"


class Rule(NamedTuple):
    """One phrase: a pattern over text without code, the better wording, and where it holds."""

    name: str
    pattern: re.Pattern[str]
    instead: str
    catches: str
    passes: str
    kinds: frozenset[str] = PROSE


def rule(name: str, pattern: str, instead: str, *, catches: str, passes: str, kinds: frozenset[str] = PROSE) -> Rule:
    """Return a rule that ignores case, except where its pattern says `(?-i:…)`."""
    return Rule(name, re.compile(pattern, re.IGNORECASE), instead, catches, passes, kinds)


RULES: Final = (
    # Telling and hearing.
    rule(
        "is-told",
        r"\b(?:is|are|was|were|be|been|being) told\b",
        "name what happens: receives, is notified, is answered",
        catches="The payer is told that the Pix is over.",
        passes="The payer sees that the Pix is over.",
    ),
    rule(
        "told-to",
        r"\btold to\b",
        "asked to, or the imperative",
        catches="A relay told to stop ends.",
        passes="A relay asked to stop ends.",
    ),
    rule(
        "tells-of",
        r"\b(?:tells?|told|telling) of\b",
        "reports, lists, describes",
        catches="The log tells of the first ten.",
        passes="The log reports the first ten.",
    ),
    rule(
        "hears-of",
        r"\b(?:hears?|heard|hearing) of\b",
        "receives, is notified of",
        catches="A client hears of a payment.",
        passes="A client receives the payment.",
    ),
    rule(
        "is-said",
        r"\b(?:is|are|was|were|be|been) said\b",
        "is stated, is reported, is in the answer",
        catches="A refund of everything has to be said.",
        passes="A full refund needs `all`.",
    ),
    rule(
        "unasked",
        r"\bunasked\b",
        "without a request",
        catches="The errors come unasked.",
        passes="The errors come without a request.",
    ),
    # Subjects without a noun.
    rule(
        "whoever",
        r"\b(?:whoever|whomever|whosoever)\b",
        "name the actor: client, payer, operator",
        catches="Whoever comes back has paid.",
        passes="A payer that comes back has paid.",
    ),
    rule(
        "nobody",
        r"\b(?:nobody|no one)\b",
        "name the actor and negate the verb",
        catches="Pages lead nobody to pay again.",
        passes="Pages never ask a payer to pay again.",
    ),
    rule(
        "who-subject",
        r"(?:" + START + r"|\b(?:for|of|by|to|than|as|that|but|from) )who\b(?![^.]*\?)",
        "give the sentence a noun of the glossary as its subject",
        catches="Who paid twice asks the shop.",
        passes="A payer who paid twice asks the shop. Who decides?",
    ),
    rule(
        "what-subject",
        START + r"what\b(?=(?:[^.!?;:]*?" + VERB + r"){2})(?![^.]*\?)",
        "name the thing as the subject",
        catches="What is stored of a webhook is bounded.",
        passes="Stored webhooks have a size limit. What is done by the relay. What then?",
    ),
    rule(
        "whatever",
        r"\b(?:whatever|whichever|wherever|howsoever)\b",
        "name the cases, or write `any`, `every`, `regardless of`",
        catches="It is listed whatever is seen of it later.",
        passes="It is listed regardless of later notices.",
    ),
    rule(
        "he",
        r"\b(?:he|him|his|himself|she|her|herself)\b",
        "repeat the noun, or write `they`",
        catches="A payer keeps his link.",
        passes="Payers keep their link.",
    ),
    rule(
        "anothers",
        r"\banother's\b|\bothers'(?=\s)",
        "another tenant's, another merchant's",
        catches="What is another's is answered 404.",
        passes="Another merchant's payment is answered 404.",
    ),
    rule(
        "of-theirs",
        r"\bof (?:theirs|ours|hers|mine|yours)\b",
        "their, our",
        catches="The hub reads a copy of theirs.",
        passes="The hub reads their copy.",
    ),
    rule(
        "is-none",
        r"(?<!there )\b(?-i:is none)\b(?! of\b)",
        "does not exist, is not one",
        catches="A payment whose number is none is refused.",
        passes="A malformed payment number is refused, `amount` is None, and there is none left.",
    ),
    rule(
        "verb-nothing",
        r"\b(?:opens?|moves?|tells?|says?|gives?|knows?|changes?|means?) (?:nothing|none)\b",
        "negate the verb: does not change, is rejected",
        catches="An old token opens nothing.",
        passes="An old token is rejected.",
    ),
    # Old or foreign turns.
    rule(
        "anew",
        r"\banew\b",
        "again, from the beginning",
        catches="The stream is filled anew.",
        passes="The stream is filled again.",
    ),
    rule(
        "of-its-own",
        r"\bof (?:its|their|his|one's) own\b",
        "its own …, a separate …, a dedicated …",
        catches="Subscribers have an account of their own.",
        passes="Subscribers have their own account.",
    ),
    rule(
        "laid-down",
        r"\b(?:lay|lays|laid) down\b",
        "defined, set, specified",
        catches="The order is laid down by the log.",
        passes="The log defines the order.",
    ),
    rule(
        "looked-into",
        r"\blook(?:s|ed|ing)? into\b",
        "process, check, examine",
        catches="A webhook is looked into once.",
        passes="A webhook is processed once.",
    ),
    rule(
        "no-more",
        r"\bno more(?= ?(?:[.,;:!?)]|\Z))",
        "stops, does not … again",
        catches="The row is read no more.",
        passes="The row is not read again, and no more rows follow.",
    ),
    rule(
        "any-more",
        r"\bany ?more\b(?! (?:than|of)\b)",
        "no longer",
        catches="The role cannot create databases any more.",
        passes="The role can no longer create databases.",
    ),
    rule(
        "for-so-long",
        r"\b(?:for|in) so long\b",
        "for that time, until then",
        catches="The account is left alone for so long.",
        passes="Calls for the account pause for `Retry-After`.",
    ),
    rule(
        "lest",
        r"\blest\b",
        "so that … not",
        catches="Close it lest it leak.",
        passes="Close it so that it does not leak.",
    ),
    rule(
        "shall",
        r"\bshall\b",
        "must, or the plain present",
        catches="The hub shall refuse it.",
        passes="The hub refuses it.",
    ),
    rule(
        "for-ever",
        r"\bfor ever\b",
        "forever, permanently, without a limit",
        catches="Old files stay for ever.",
        passes="Old files stay permanently.",
    ),
    rule(
        "for-good",
        r"\bfor good\b(?! \w)",
        "permanently",
        catches="The event was lost for good.",
        passes="The event was lost permanently.",
    ),
    rule(
        "by-itself",
        r"\bby (?:itself|themselves)\b",
        "automatically, alone",
        catches="The gateway raises its limit by itself.",
        passes="The gateway raises its limit automatically.",
    ),
    rule(
        "holds-up",
        r"\b(?:hold(?:s|ing)?|held) (?:\w+ ){0,2}up\b",
        "blocks, delays",
        catches="A frozen process holds others up.",
        passes="A frozen process blocks others.",
    ),
    rule(
        "does-without",
        r"\b(?:do|does|did|done|doing) without\b",
        "skips, works without",
        catches="The read model does without the event.",
        passes="The read model skips the event.",
    ),
    rule(
        "pass-over",
        r"\bpass(?:es|ed|ing)? over\b",
        "skip",
        catches="The relay passes over a large event.",
        passes="The relay skips a large event.",
    ),
    rule(
        "put-right",
        r"\b(?:put|puts|set|sets) (?:\w+ )?right\b",
        "correct, repair",
        catches="The operator puts it right.",
        passes="The operator repairs it.",
    ),
    rule(
        "believe",
        r"\b(?:believes?|believed|believing)\b",
        "trusts, accepts",
        catches="A later status is always believed.",
        passes="A later status is always accepted.",
    ),
    rule(
        "let-go",
        r"\b(?:let|lets|letting) (?:\w+ )?go\b",
        "close, release",
        catches="Slow sockets are let go.",
        passes="The gateway closes slow sockets.",
    ),
    rule(
        "stands-in",
        r"\bstands? (?:in|inside|at|beside|there|on|under|behind)\b",
        "is in, is on",
        catches="A package's purpose stands in its modules.",
        passes="A package's purpose is in its modules.",
    ),
    rule(
        "the-like",
        r"\b(?:the|its|their) like\b",
        "a similar …",
        catches="Where a reference has its like, add a claim.",
        passes="Where a reference has a similar route, add a claim.",
    ),
    rule(
        "as-it-came",
        r"\bas (?:it|they) (?:came|comes|come|stands?)\b",
        "unchanged",
        catches="The message is kept as it came.",
        passes="The message is kept unchanged.",
    ),
    rule(
        "archaic",
        r"\b(?:thereby|therein|thereof|whereby|wherein|whereof|herein|hereby|hence|thus|ere|nought|naught|upon)\b",
        "a plain word: so, by this, in it, on",
        catches="Thus the order is kept.",
        passes="So the order is kept.",
    ),
    rule(
        "in-order-to",
        r"\bin order (?:to|that)\b",
        "to, so that",
        catches="It waits in order to save calls.",
        passes="It waits to save calls.",
    ),
    # History: a comment describes what is, and git remembers what was.
    rule(
        "history",
        r"\b(?:no longer|used to (?:be|have|do)|previously|formerly)\b",
        "describe what is; git keeps the history",
        catches="It no longer reads the table.",
        passes="It reads the log.",
        kinds=IN_CODE,
    ),
    rule(
        "history-now",
        r"(?<!right )(?<!from )(?<!until )(?<!by )\bnow\b(?! and then\b| on\b)(?! \+)",
        "describe what is, without `now`",
        catches="The relay now owns the lease.",
        passes="The relay owns the lease from now on.",
        kinds=IN_CODE,
    ),
    rule(
        "history-new",
        r"\bthe new (?:way|shape|form|code|design|name|behaviour|version|scheme)\b",
        "describe it without `new`",
        catches="This is the new way to append.",
        passes="This appends a new event.",
        kinds=IN_CODE,
    ),
    # Pictures instead of the field's words.
    rule(
        "door",
        r"\bdoors?\b",
        "gateway, route, endpoint, entry point",
        catches="Each door checks the key.",
        passes="Each route checks the key.",
    ),
    rule(
        "nowhere",
        r"\bnowhere\b",
        "an unknown route, is not sent, does not exist",
        catches="A request to nowhere is answered 404.",
        passes="A request to an unknown route is answered 404.",
    ),
    rule(
        "rests",
        r"\brests\b",
        "depends on, is based on, waits",
        catches="The order rests on the log.",
        passes="The order depends on the log, and the rest follows.",
    ),
    rule(
        "speaker",
        r"\bspeakers?\b",
        "client, sender, caller",
        catches="The speaker sends a header.",
        passes="The client sends a header.",
    ),
    rule(
        "storey",
        r"\b(?:storeys?|rooms? of|the heart)\b",
        "layer, module, core",
        catches="Every module has its storey.",
        passes="Every module has its layer, and the heartbeat is separate.",
    ),
    # How a docstring begins.
    rule(
        "give",
        r"\A(?-i:Gives?|Hand)\b",
        "Return",
        catches="Give the merchant's keys.",
        passes="Return the merchant's keys.",
        kinds=frozenset({DOCSTRINGS}),
    ),
    rule(
        "say-whether",
        r"\A(?-i:Says?|Tells?) (?:whether|if|what|how|which|by)\b",
        "Return whether …, Return …",
        catches="Say whether the key is revoked.",
        passes="Return whether the key is revoked.",
        kinds=frozenset({DOCSTRINGS}),
    ),
    rule(
        "let-have",
        r"\A(?-i:Let|Have)\b",
        "an active verb with its object: revoke, start, allow",
        catches="Let nothing follow.",
        passes="Reject further words.",
        kinds=frozenset({DOCSTRINGS}),
    ),
)
