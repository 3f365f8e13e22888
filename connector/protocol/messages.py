"""What peers send us: the messages of DSP 2025-1 as strict models over plain JSON.

The contexts of the protocol are made so that compact JSON-LD is this very form, and the specification allows reading
it as plain JSON: so it is done (`contexts`). Unknown members are ignored. `parse` names every wrong field at once.

Bytes are admitted before (`vocabulary.admission`); what a message must contain in relation to its process stands in
`negotiation.py` and `transfer.py`; what we send is made in `compose.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    ValidationInfo,
)

from connector.errors import BadMessage
from connector.model import JsonObject, Pid
from connector.protocol.catalog_query import RECORD_TYPE
from connector.protocol.contexts import Context, with_full_names
from connector.protocol.terms import Agreement, ListedOffer, Offer, Text

Reasons = Annotated[tuple[JsonValue, ...], Field(min_length=1)]
PidText = Annotated[Pid, Field(min_length=1, max_length=2048)]
ID = Field(default=None, alias="@id")


def _plain_address(address: str) -> str:
    if "?" in address or "#" in address:  # our paths are put behind it (DSP 7.3.1, 9.3.1)
        raise ValueError("an address without query and fragment is expected")
    return address


Callback = Annotated[Text, AfterValidator(_plain_address)]


def _instead_of_callback(pid: Pid | None, info: ValidationInfo) -> Pid | None:
    if "callback_address" in info.data and (info.data["callback_address"] is None) == (pid is None):
        raise ValueError("exactly one of this and callbackAddress is expected")
    return pid


_BESIDE_CALLBACK = AfterValidator(_instead_of_callback)


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class _Message(_Wire):
    context: Context = Field(alias="@context")
    id: Text | None = ID
    """DSP defines no message id; EDC and we send one, and duplicates are known by it."""


class _BothPids(_Message):
    consumer_pid: PidText = Field(alias="consumerPid")
    provider_pid: PidText = Field(alias="providerPid")


class _Reasoned(_BothPids):
    code: str | None = None
    reason: Reasons | None = None


# --- catalogue -------------------------------------------------------------------------------------------------------


class CatalogRequestMessage(_Message):
    """Asks for the catalogue. What a filter says is read in `catalog_query`."""

    type: Literal["CatalogRequestMessage"] = Field(alias="@type")
    filter: list[JsonValue] | None = None


class DataService(_Wire):
    """Where a dataset is negotiated and transferred."""

    id: Text = Field(alias="@id")
    type: Literal["DataService"] = Field(alias="@type")
    endpoint_url: Text = Field(alias="endpointURL")


class Distribution(_Wire):
    """A form in which a dataset can be had. A bare `{"@id": ...}` as access service is invalid."""

    type: Literal["Distribution"] | None = Field(default=None, alias="@type")
    format: Text
    access_service: Text | DataService = Field(alias="accessService")


class Dataset(_Wire):
    """A dataset with its offers."""

    id: Text = Field(alias="@id")
    type: Literal["Dataset"] | None = Field(default=None, alias="@type")
    has_policy: Annotated[tuple[ListedOffer, ...], Field(min_length=1, alias="hasPolicy")]
    distribution: Annotated[tuple[Distribution, ...], Field(min_length=1)]
    title: JsonValue = Field(default=None, validation_alias=AliasChoices("dct:title", "edc:name", "name"))
    record_types: JsonValue = Field(default=None, alias=RECORD_TYPE)

    @property
    def name(self) -> str:
        """What people call it; empty where it has no name."""
        return next((one for one in _texts(self.title)), "")

    @property
    def types(self) -> tuple[str, ...]:
        """The types of its records, where the provider says so."""
        return tuple(_texts(self.record_types))


def _texts(value: JsonValue) -> list[str]:
    """The texts of a literal, in whichever way JSON-LD writes it."""
    listed = value if isinstance(value, list) else [value]
    said = [one.get("@value") if isinstance(one, dict) else one for one in listed]
    return [one for one in said if isinstance(one, str)]


class RootDataset(Dataset):
    """A dataset as the answer to a dataset request."""

    context: Context = Field(alias="@context")
    type: Literal["Dataset"] = Field(alias="@type")


class Catalog(_Wire):
    """A page of a catalogue. Catalogues nest."""

    id: Text = Field(alias="@id")
    type: Literal["Catalog"] = Field(alias="@type")
    participant_id: Text | None = Field(default=None, alias="participantId")
    dataset: Annotated[tuple[Dataset, ...], Field(min_length=1)] | None = None
    service: Annotated[tuple[DataService, ...], Field(min_length=1)] | None = None
    distribution: Annotated[tuple[Distribution, ...], Field(min_length=1)] | None = None
    catalog: Annotated[tuple[Catalog, ...], Field(min_length=1)] | None = None


class RootCatalog(Catalog):
    """A catalogue as the answer to a catalogue request."""

    context: Context = Field(alias="@context")
    participant_id: Text = Field(alias="participantId")


class CatalogError(_Wire):
    """A refused catalogue or dataset request."""

    type: Literal["CatalogError"] = Field(alias="@type")
    code: str | None = None
    reason: Reasons | None = None


# --- negotiation -----------------------------------------------------------------------------------------------------


class ContractRequestMessage(_Message):
    """The consumer asks for a contract; with `providerPid` it answers an offer."""

    type: Literal["ContractRequestMessage"] = Field(alias="@type")
    consumer_pid: PidText = Field(alias="consumerPid")
    callback_address: Callback | None = Field(default=None, alias="callbackAddress")
    provider_pid: Annotated[PidText | None, _BESIDE_CALLBACK] = Field(
        default=None, alias="providerPid", validate_default=True
    )
    offer: Offer


class ContractOfferMessage(_Message):
    """The provider offers a contract; with `consumerPid` it answers a request."""

    type: Literal["ContractOfferMessage"] = Field(alias="@type")
    provider_pid: PidText = Field(alias="providerPid")
    callback_address: Callback | None = Field(default=None, alias="callbackAddress")
    consumer_pid: Annotated[PidText | None, _BESIDE_CALLBACK] = Field(
        default=None, alias="consumerPid", validate_default=True
    )
    offer: Offer


class ContractAgreementMessage(_BothPids):
    """The provider agrees."""

    type: Literal["ContractAgreementMessage"] = Field(alias="@type")
    agreement: Agreement


class ContractAgreementVerificationMessage(_BothPids):
    """The consumer has checked the agreement."""

    type: Literal["ContractAgreementVerificationMessage"] = Field(alias="@type")


class ContractNegotiationEventMessage(_BothPids):
    """The consumer accepts an offer, or the provider finalizes."""

    type: Literal["ContractNegotiationEventMessage"] = Field(alias="@type")
    event_type: Literal["ACCEPTED", "FINALIZED"] = Field(alias="eventType")


class ContractNegotiationTerminationMessage(_Reasoned):
    """Either side ends the negotiation."""

    type: Literal["ContractNegotiationTerminationMessage"] = Field(alias="@type")


class ContractNegotiation(_BothPids):
    """The acknowledgement of a first message, and the answer to `GET`."""

    type: Literal["ContractNegotiation"] = Field(alias="@type")
    state: Literal["REQUESTED", "OFFERED", "ACCEPTED", "AGREED", "VERIFIED", "FINALIZED", "TERMINATED"]


# --- transfer --------------------------------------------------------------------------------------------------------


class EndpointProperty(_Wire):
    """One named value of a data address."""

    type: Literal["EndpointProperty"] = Field(alias="@type")
    name: Text
    value: str


class DataAddress(_Wire):
    """Where data is pulled from or pushed to. An EDC names the endpoint among the properties."""

    type: Literal["DataAddress"] = Field(alias="@type")
    endpoint_type: Text = Field(alias="endpointType")
    endpoint: Text | None = None
    endpoint_properties: tuple[EndpointProperty, ...] | None = Field(default=None, alias="endpointProperties")

    def named(self, name: str) -> str | None:
        """The value of a property, by its plain name or by the last part of an IRI."""
        for entry in self.endpoint_properties or ():
            if entry.name == name or entry.name.rpartition("/")[2] == name:
                return entry.value
        return None

    def has(self, name: str) -> bool:
        """Whether a property has exactly this name."""
        return any(entry.name == name for entry in self.endpoint_properties or ())

    def url(self) -> str | None:
        """The endpoint."""
        return self.endpoint or self.named("endpoint")


class TransferRequestMessage(_Message):
    """The consumer asks for the data of an agreement."""

    type: Literal["TransferRequestMessage"] = Field(alias="@type")
    consumer_pid: PidText = Field(alias="consumerPid")
    agreement_id: Text = Field(alias="agreementId")
    format: Text
    callback_address: Callback = Field(alias="callbackAddress")
    data_address: DataAddress | None = Field(default=None, alias="dataAddress")


class TransferStartMessage(_BothPids):
    """The provider starts, or either side resumes."""

    type: Literal["TransferStartMessage"] = Field(alias="@type")
    data_address: DataAddress | None = Field(default=None, alias="dataAddress")


class TransferCompletionMessage(_BothPids):
    """Either side says that everything is there."""

    type: Literal["TransferCompletionMessage"] = Field(alias="@type")


class TransferSuspensionMessage(_Reasoned):
    """Either side pauses."""

    type: Literal["TransferSuspensionMessage"] = Field(alias="@type")


class TransferTerminationMessage(_Reasoned):
    """Either side ends the transfer."""

    type: Literal["TransferTerminationMessage"] = Field(alias="@type")


class TransferProcess(_BothPids):
    """The acknowledgement of a request, and the answer to `GET`."""

    type: Literal["TransferProcess"] = Field(alias="@type")
    state: Literal["REQUESTED", "STARTED", "SUSPENDED", "COMPLETED", "TERMINATED"]


class ProcessError(_Wire):
    """A refusal. Real peers leave the pids out, so they are not asked for."""

    type: Literal["ContractNegotiationError", "TransferError"] = Field(alias="@type")
    consumer_pid: Pid | None = Field(default=None, alias="consumerPid")
    provider_pid: Pid | None = Field(default=None, alias="providerPid")
    code: str | None = None
    reason: Reasons | None = None


# --- reading ---------------------------------------------------------------------------------------------------------

Message: TypeAlias = (
    CatalogRequestMessage
    | RootCatalog
    | RootDataset
    | CatalogError
    | ContractRequestMessage
    | ContractOfferMessage
    | ContractAgreementMessage
    | ContractAgreementVerificationMessage
    | ContractNegotiationEventMessage
    | ContractNegotiationTerminationMessage
    | ContractNegotiation
    | TransferRequestMessage
    | TransferStartMessage
    | TransferCompletionMessage
    | TransferSuspensionMessage
    | TransferTerminationMessage
    | TransferProcess
    | ProcessError
)
M = TypeVar("M", bound=BaseModel)

_NAMED_OTHERWISE: dict[str, type[Message]] = {
    "Catalog": RootCatalog,
    "Dataset": RootDataset,
    "ContractNegotiationError": ProcessError,
    "TransferError": ProcessError,
}
_BY_TYPE: dict[str, type[Message]] = {
    **{cls.__name__: cls for cls in get_args(Message) if cls not in _NAMED_OTHERWISE.values()},
    **_NAMED_OTHERWISE,
}


def build_models() -> Iterator[type[BaseModel]]:
    """Build the models, one at each turn. Pydantic leaves that to the first message that needs one, and it takes longer
    than all the rest of a first contact.
    """
    for model in (Offer, Agreement, *get_args(Message)):
        model.model_rebuild()
        yield model


def parse(raw: JsonObject) -> Message:
    """The message. Raises `BadMessage` that names every wrong field with its path, or the first of very many."""
    kind = raw.get("@type")
    model = _BY_TYPE.get(kind) if isinstance(kind, str) else None
    if model is None:
        raise BadMessage("@type: this is no message of the Dataspace Protocol 2025-1.", place="@type")
    return _validated(model, raw)


def parse_as(model: type[M], raw: JsonObject) -> M:
    """The message, which must be of this type: what an endpoint that takes one type calls."""
    return _validated(model, raw)


def _validated(model: type[M], raw: JsonObject) -> M:
    try:
        return model.model_validate(with_full_names(raw))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        wrong = [f"{_path(one['loc'])}: {one['msg'].removeprefix('Value error, ')}" for one in details[:_MOST_TOLD]]
        more = f"; and {len(details) - _MOST_TOLD} more" if len(details) > _MOST_TOLD else ""
        raise BadMessage("; ".join(wrong) + more, place=wrong[0].partition(":")[0]) from None


_MOST_TOLD = 50
"""Wrong fields, each with a sentence: of twenty thousand the answer would be forty times the message."""
_TAGS = frozenset({"atomic", "logical", "str", "dict[str,str]", "DataService"})


def _path(loc: tuple[int | str, ...]) -> str:
    # The tags of a union are our words, not members of the message; an absent member is named as the models name it.
    wire_names = {"consumer_pid": "consumerPid", "provider_pid": "providerPid"}
    parts = [wire_names.get(str(part), str(part)) for part in loc if part not in _TAGS]
    return ".".join(parts) or "(message)"
