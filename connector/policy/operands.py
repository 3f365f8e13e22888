"""The closed table of left operands: what a constraint may speak of, and who can check it.

Holds data only. Reading a policy is `odrl`'s, comparing values is `evaluate`'s. ODRL leaves operands to profiles
(ODRL Information Model 2.2, 2.5; DSP 2025-1 defines none), so this is our profile: what is not here is refused. Beside
it stands what Catena-X can ask of a party (CX-0152), in both namespaces of the field: by credential, or by contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from connector.vocabulary.terms import NAMESPACE

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
CATENA_X: Final = "https://w3id.org/catenax/policy/"
"""Operands of Catena-X until its release 25.09."""
CATENA_X_2025_9: Final = "https://w3id.org/catenax/2025/9/policy/"
"""The same since then. An offer goes out as it is written: a peer compares the names."""
TRACTUS_X: Final = "https://w3id.org/tractusx/v0.0.1/ns/"
"""Where a Tractus-X connector has its operands about business partner numbers."""

CALLER: Final = "caller"
"""Right operand: the party that asks."""
UNIT: Final = "unit"
"""Right operand: what is asked for, by the operand's `unit_fact`."""
LISTED_PARTIES: Final = "listedParties"
"""Right operand on the wire, in place of the owner's list of parties: a list of customers is a secret."""
ANY: Final = "any"
"""Value of a mandate's fact that limits nothing."""


class Stage(StrEnum):
    """Where in an exchange a decision is made."""

    CATALOGUE = "catalogue"
    NEGOTIATION = "negotiation"
    TRANSFER = "transfer"
    DATA = "data"
    AUDIT = "audit"


class Operator(StrEnum):
    """The ODRL operators that this profile uses."""

    EQ = "eq"
    NEQ = "neq"
    GT = "gt"
    GTEQ = "gteq"
    LT = "lt"
    LTEQ = "lteq"
    HAS_PART = "hasPart"
    IS_ALL_OF = "isAllOf"
    IS_ANY_OF = "isAnyOf"
    IS_NONE_OF = "isNoneOf"
    IS_PART_OF = "isPartOf"


LIST_OPERATORS: Final = frozenset({Operator.IS_ANY_OF, Operator.IS_ALL_OF, Operator.IS_NONE_OF, Operator.HAS_PART})
"""Operators whose right operand may have several values."""


class ValueKind(StrEnum):
    """What a right operand has to be."""

    TEXT = "text"
    DID = "DID"
    TIME = "time"
    NUMBER = "number"
    TRUTH = "true, false"
    ACCESS_CLASS = "access class"
    NONE = ""


class Enforced(StrEnum):
    """`technical`: decided on facts. `contractual`: accepted by signing; no connector can see whether it is kept."""

    TECHNICAL = "technical"
    CONTRACTUAL = "contractual"


class Subject(StrEnum):
    """Whose the fact is: it decides how several values count (`evaluate`)."""

    PARTY = "party"
    CLAIM = "claim"
    UNIT = "unit"
    CLOCK = "clock"
    MANDATE = "mandate"


ALL_STAGES: Final = frozenset(Stage)
WITH_UNIT: Final = frozenset({Stage.DATA, Stage.AUDIT})
BY_CONTRACT: Final = frozenset({Stage.NEGOTIATION, Stage.TRANSFER, Stage.DATA})
"""Where an agreement is made or used: the catalogue comes before it, an audit read goes without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operand:
    """One left operand. `fact` is the claim that is compared (empty: the caller itself, or the clock)."""

    name: str
    kind: ValueKind
    phrases: Mapping[Operator, str]
    """Operator -> the end of "a party that ...", with `{right}`."""
    forbidden: str = ""
    """The same in a prohibition, where it is said otherwise."""
    namespace: str = NAMESPACE
    stages: frozenset[Stage] = ALL_STAGES
    subject: Subject = Subject.CLAIM
    fact: str = ""
    constants: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Right operands with a meaning -> how they are said."""
    unit_fact: str = ""
    enforced: Enforced = Enforced.TECHNICAL
    names_parties: bool = False
    """Whether its right operand is a list of customers, which stays home."""

    @property
    def iri(self) -> str:
        """The name on the wire."""
        return self.namespace + self.name

    @property
    def operators(self) -> tuple[Operator, ...]:
        """What it may be compared by."""
        return tuple(self.phrases)


_EQ, _ANY_OF, _HAS = Operator.EQ, Operator.IS_ANY_OF, Operator.HAS_PART


def _mandate(name: str, unit_fact: str, what: str, kind: ValueKind = ValueKind.TEXT) -> Operand:
    """A limit of the mandate that is compared with the unit."""
    return Operand(
        name=name,
        fact=name,
        kind=kind,
        stages=WITH_UNIT,
        subject=Subject.MANDATE,
        unit_fact=unit_fact,
        constants={UNIT: f"the {what} of what is asked for"},
        phrases={_HAS: "is mandated for {right}"},
    )


def _catena_x(
    name: str, phrases: Mapping[Operator, str], *others: str, fact: str = "", forbidden: str = "",
    names_parties: bool = False,
) -> Iterator[Operand]:  # fmt: skip
    """A term of Catena-X in each of its namespaces. Without a fact it is a word of the contract."""
    signed = not fact
    for namespace in (CATENA_X, CATENA_X_2025_9, *others):
        yield Operand(
            name=namespace + name, namespace="", kind=ValueKind.TEXT, phrases=phrases, forbidden=forbidden,
            fact=fact or name, stages=BY_CONTRACT if signed else ALL_STAGES, names_parties=names_parties,
            enforced=Enforced.CONTRACTUAL if signed else Enforced.TECHNICAL,
        )  # fmt: skip


_OURS: Final = (
    Operand(
        name="membership",
        fact="membership",
        kind=ValueKind.TEXT,
        phrases={_EQ: "proves that its membership is {right}", _ANY_OF: "proves that its membership is {right}"},
    ),
    Operand(
        name="role",
        fact="role",
        kind=ValueKind.TEXT,
        phrases={
            _EQ: "proves the role {right}",
            _ANY_OF: "proves the role {right}",
            Operator.IS_ALL_OF: "proves the roles {right}",
        },
    ),
    Operand(
        name="party",
        kind=ValueKind.DID,
        subject=Subject.PARTY,
        names_parties=True,
        constants={LISTED_PARTIES: "the owner's list of parties"},
        phrases={
            _EQ: "is {right}",
            Operator.NEQ: "is not {right}",
            _ANY_OF: "is {right}",
            Operator.IS_NONE_OF: "is not {right}",
            Operator.IS_PART_OF: "stands on {right}",
        },
    ),
    Operand(
        name="agreementHeld",
        fact="agreementHeld",
        kind=ValueKind.TRUTH,
        constants={"true": "an agreement", "false": "no agreement"},
        phrases={_EQ: "holds {right} on the data"},
    ),
    Operand(
        name="dateTime",
        namespace=ODRL,
        kind=ValueKind.TIME,
        subject=Subject.CLOCK,
        phrases={
            Operator.GT: "asks after {right}",
            Operator.GTEQ: "asks at {right} or later",
            Operator.LT: "asks before {right}",
            Operator.LTEQ: "asks at {right} or earlier",
        },
    ),
    Operand(
        name="contentDigest",
        fact="contentDigest",
        kind=ValueKind.TEXT,
        stages=BY_CONTRACT,
        phrases={_EQ: "gets exactly the content with the digest {right}"},
    ),
    Operand(
        name="unitBuyer",
        fact="unitBuyer",
        kind=ValueKind.NONE,
        stages=WITH_UNIT,
        constants={CALLER: "the caller"},
        phrases={_EQ: "is the buyer of the unit"},
    ),
    Operand(
        name="accessClass",
        fact="accessClass",
        kind=ValueKind.ACCESS_CLASS,
        stages=WITH_UNIT,
        subject=Subject.UNIT,
        phrases={_EQ: "asks for values of class {right}", _ANY_OF: "asks for values of class {right}"},
    ),
    Operand(
        name="recordType",
        fact="recordType",
        kind=ValueKind.TEXT,
        stages=WITH_UNIT,
        subject=Subject.UNIT,
        phrases={_EQ: "asks for records of type {right}", _ANY_OF: "asks for records of type {right}"},
    ),
    Operand(
        name="unitStatus",
        fact="unitStatus",
        kind=ValueKind.TEXT,
        stages=WITH_UNIT,
        subject=Subject.UNIT,
        phrases={
            _EQ: "asks for batteries with the status {right}",
            _ANY_OF: "asks for batteries with the status {right}",
        },
    ),
    Operand(
        name="leadsTo",
        fact="leadsTo",
        kind=ValueKind.TEXT,
        stages=frozenset({Stage.AUDIT}),
        subject=Subject.UNIT,
        constants={"own": "the owner's own records", "supplier": "who a supplier is"},
        phrases={_EQ: "asks for {right}", _ANY_OF: "asks for {right}"},
    ),
    Operand(
        name="mandate",
        fact="mandate",
        kind=ValueKind.TEXT,
        phrases={_EQ: "shows a mandate ({right})"},
    ),
    Operand(
        name="mandateRole",
        fact="mandateRole",
        kind=ValueKind.TEXT,
        phrases={_EQ: "is mandated as {right}", _ANY_OF: "is mandated as {right}"},
    ),
    Operand(
        name="mandatePurpose",
        fact="mandatePurpose",
        kind=ValueKind.TEXT,
        phrases={_EQ: "is mandated for the purpose {right}", _ANY_OF: "is mandated for the purpose {right}"},
    ),
    Operand(
        name="mandateRoot",
        fact="mandateRoot",
        kind=ValueKind.TEXT,
        phrases={_EQ: "is mandated for the chain of {right}", _ANY_OF: "is mandated for the chain of {right}"},
    ),
    _mandate("mandateClass", "accessClass", "access class", ValueKind.ACCESS_CLASS),
    _mandate("mandateMaterial", "material", "material"),
    _mandate("mandateSite", "site", "site"),
    _mandate("mandatePeriod", "eventTime", "time", ValueKind.TIME),
    Operand(
        name="purpose",
        fact="purpose",
        namespace=ODRL,
        kind=ValueKind.TEXT,
        stages=BY_CONTRACT,
        enforced=Enforced.CONTRACTUAL,
        phrases={_EQ: "uses the data only for {right}", _ANY_OF: "uses the data only for {right}"},
        forbidden="uses the data for {right}",
    ),
    Operand(
        name="onwardSharing",
        fact="onwardSharing",
        kind=ValueKind.TEXT,
        stages=BY_CONTRACT,
        enforced=Enforced.CONTRACTUAL,
        constants={"none": "nobody"},
        phrases={_EQ: "passes the data on to {right}"},
    ),
    Operand(
        name="retentionDays",
        fact="retentionDays",
        kind=ValueKind.NUMBER,
        stages=BY_CONTRACT,
        enforced=Enforced.CONTRACTUAL,
        phrases={Operator.LTEQ: "keeps the data for at most {right} days"},
    ),
)

_AGREED: Final = (
    "ConfidentialInformationMeasures", "ContractTermination", "DataFrequency", "DataUsageEndDefinition",
    "ExclusiveUsage", "JurisdictionLocation", "JurisdictionLocationReference", "Liability", "Precedence",
    "VersionChanges", "Warranty", "WarrantyDefinition", "WarrantyDurationMonths",
)  # fmt: skip
_SHARED: Final = (
    "AffiliatesBpnl", "AffiliatesRegion", "ConfidentialInformationSharing", "ManagedLegalEntityBpnl",
    "ManagedLegalEntityRegion",
)  # fmt: skip
_ONLY_FOR, _IS_NUMBER = "uses the data only for {right}", "proves that its business partner number is {right}"
_TABLE: Final = (
    *_OURS,
    *_catena_x("Membership", {_EQ: "proves that its membership is {right}"}, fact="membership"),
    *_catena_x("FrameworkAgreement", {_EQ: "proves that it signed {right}"}, fact="frameworkAgreement"),
    *_catena_x(
        "BusinessPartnerNumber",
        {
            _EQ: _IS_NUMBER,
            _ANY_OF: _IS_NUMBER,
            Operator.IS_NONE_OF: "proves a business partner number that is not {right}",
        },
        TRACTUS_X,
        fact="businessPartnerNumber",
        names_parties=True,
    ),
    *_catena_x("UsagePurpose", {_EQ: _ONLY_FOR, _ANY_OF: _ONLY_FOR}, forbidden="uses the data for {right}"),
    *_catena_x("ContractReference", dict.fromkeys((_EQ, Operator.IS_ALL_OF), "keeps to the contract {right}")),
    *(one for name in _AGREED for one in _catena_x(name, {_EQ: f"agrees to {name} {{right}}"})),
    *(one for name in _SHARED for one in _catena_x(name, {_ANY_OF: f"passes the data on within {name} {{right}}"})),
)

OPERANDS: Final[Mapping[str, Operand]] = MappingProxyType({operand.name: operand for operand in _TABLE})
"""The table by short name, in the order of the README."""

MANDATE: Final = "mandate"
"""Fact: a mandate is shown."""
OF_A_MANDATE: Final = frozenset(operand.fact for operand in _TABLE if operand.fact.startswith(MANDATE))
"""Facts that one mandate states together: what another one says neither widens nor limits it."""

_BY_WRITING: Final[Mapping[str, str]] = MappingProxyType(
    {operand.name: operand.name for operand in _TABLE}
    | {operand.iri: operand.name for operand in _TABLE}
    | {"odrl:" + operand.name: operand.name for operand in _TABLE if operand.namespace == ODRL}
    | {
        prefix + operand.name.removeprefix(namespace): operand.name
        for prefix, namespace in (("cx-policy:", CATENA_X), ("tx:", TRACTUS_X))
        for operand in _TABLE
        if operand.name.startswith(namespace)
    }
)


def find_operand(written: str) -> Operand | None:
    """The operand of that short name or IRI; None: unknown, so the policy cannot be used."""
    name = _BY_WRITING.get(written)
    return None if name is None else OPERANDS[name]
