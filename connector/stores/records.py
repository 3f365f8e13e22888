"""Records in SQL: versions, credentials, links, identifiers, datasets, status changes.

The other half, processes, stands in `processes`; `tables` puts both together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from connector.credentials.status_list import LIST_BITS
from connector.errors import Conflict
from connector.exchange.rows import (
    CredentialRow,
    DatasetRow,
    EvidenceEntry,
    IdentifierRow,
    LinkRow,
    Origin,
    RecordRow,
    RecordsCommit,
    StatusChangeRow,
)
from connector.protocol.catalog_query import Selection
from connector.stores import evidence_log
from connector.stores.engine import Engine, Transaction
from connector.stores.statements import LAST, Bindings, Shape, listed, number

RECORD = Shape(RecordRow, lists=("digests", "buyers"))
CREDENTIAL = Shape(CredentialRow)
LINK = Shape(LinkRow)
IDENTIFIER = Shape(IdentifierRow)
DATASET = Shape(DatasetRow, lists=("record_types",), flags=("approval",))
STATUS_CHANGE = Shape(StatusChangeRow)

SHORT = 20
"""A batch of more rows than this runs in the writer thread."""
MOST_CARRIERS = 1_000
"""Records with one identifier that a look-up of units looks at."""


class RecordTables:
    """The methods of the `Store` port that are about records."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def commit_records(self, commit: RecordsCommit) -> None:
        """Publish, receive or hold a batch."""
        rows = len(commit.records) + len(commit.credentials) + len(commit.links) + len(commit.identifiers)
        await self._engine.write(lambda tx: _commit(tx, commit), long=rows > SHORT)

    async def next_status_index(self, tenant: str) -> int:
        """The lowest index never given."""
        return number(await self._engine.point("status_mark", {"tenant": tenant}))

    async def first_version(self, tenant: str) -> int:
        """The lowest version that a new one may have."""
        return max(1, number(await self._engine.point("first_version", {"tenant": tenant})))

    async def is_copy(self) -> bool:
        """Whether this store is a copy that has not noted yet that it takes its original's place."""
        return number(await self._engine.point("is_copy", {})) > 0

    async def commit_restored(
        self, tenant: str, *, first_version: int, status_index: int, evidence: EvidenceEntry
    ) -> None:
        """Note that it does."""

        async def work(tx: Transaction) -> None:
            await tx.change("set_status_mark", {"tenant": tenant, "next": status_index})
            await tx.change("set_first_version", {"tenant": tenant, "first_version": first_version})
            await tx.change("is_no_copy", {})
            await evidence_log.append(tx, (evidence,))

        await self._engine.write(work)

    async def load_record(
        self, tenant: str, holder: str, record_id: str, version: int | None = None
    ) -> RecordRow | None:
        """A record's version, or its newest."""
        bindings: Bindings = {"tenant": tenant, "holder": holder, "record_id": record_id}
        if version is None:
            return RECORD.one(await self._engine.point("load_newest", bindings))
        return RECORD.one(await self._engine.point("load_record", {**bindings, "version": version}))

    async def load_records(self, tenant: str, holder: str, record_ids: Sequence[str]) -> dict[str, RecordRow]:
        """The newest versions of these records."""
        if not record_ids:
            return {}
        bindings: Bindings = {"tenant": tenant, "holder": holder, "record_ids": listed(record_ids)}
        rows = await self._engine.many("load_records", bindings)
        return {row.record_id: row for row in map(RECORD.read, rows)}

    async def find_records(
        self, tenant: str, *, scheme: str | None, value: str, issuer: str | None = None, record_type: str | None = None
    ) -> list[RecordRow]:
        """Newest versions of records that carry this identifier."""
        bindings: Bindings = {
            "tenant": tenant,
            "scheme": scheme,
            "value": value,
            "issuer": issuer,
            "record_type": record_type,
        }
        return [RECORD.read(row) for row in await self._engine.few("find_records", bindings)]

    async def find_units(
        self, tenant: str, holder: str, dataset_id: str, value: str, *, limit: int = 100
    ) -> list[RecordRow]:
        """Newest versions of a dataset's records that carry this identifier, or whose id or subject it is."""
        bindings: Bindings = {
            "tenant": tenant, "holder": holder, "dataset_id": dataset_id, "value": value, "limit": limit,
            "most": MOST_CARRIERS,
        }  # fmt: skip
        return [RECORD.read(row) for row in await self._engine.few("find_units", bindings)]

    async def list_records(
        self,
        tenant: str,
        *,
        origin: Origin | None = None,
        dataset_id: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int = 1000,
    ) -> list[RecordRow]:
        """Newest versions by record id and holder."""
        bindings: Bindings = {"tenant": tenant, "origin": origin, "limit": limit}
        bindings["after"], bindings["after_holder"] = after
        if dataset_id is None:
            rows = await self._engine.many("list_records", bindings)
        else:
            rows = await self._engine.many("list_records_of_dataset", {**bindings, "dataset_id": dataset_id})
        return [RECORD.read(row) for row in rows]

    async def credentials(self, tenant: str, holder: str, record_id: str, version: int) -> list[CredentialRow]:
        """The credentials of a record's version."""
        bindings: Bindings = {"tenant": tenant, "holder": holder, "record_id": record_id, "version": version}
        return [CREDENTIAL.read(row) for row in await self._engine.few("credentials", bindings)]

    async def find_credential(self, tenant: str, digest: str) -> CredentialRow | None:
        """A credential by digest."""
        return CREDENTIAL.one(await self._engine.point("find_credential", {"tenant": tenant, "digest": digest}))

    async def find_link(self, tenant: str, link_id: str) -> LinkRow | None:
        """Where one of our links leads. A link of that id in a record that we received is not ours."""
        return LINK.one(await self._engine.point("find_link", {"tenant": tenant, "link_id": link_id}))

    async def later_records(
        self, tenant: str, record_id: str, *, after: tuple[str, str] = ("", ""), limit: int = 1000
    ) -> list[RecordRow]:
        """Newest versions of own and received records whose links lead back to this record, by record id and holder."""
        bindings: Bindings = {"tenant": tenant, "record_id": record_id, "limit": limit}
        bindings["after"], bindings["after_holder"] = after
        return [RECORD.read(row) for row in await self._engine.many("later_records", bindings)]

    async def commit_dataset(
        self, row: DatasetRow, evidence: Sequence[EvidenceEntry] = (), *, expected: DatasetRow | None = None
    ) -> None:
        """Insert or replace a dataset."""

        async def work(tx: Transaction) -> None:
            if expected not in {None, DATASET.one(await tx.row("load_dataset", DATASET.bind(row)))}:
                raise dataset_changed(row)
            await tx.change("put_dataset", DATASET.bind(row))
            await evidence_log.append(tx, evidence)

        await self._engine.write(work)

    async def load_dataset(self, tenant: str, dataset_id: str) -> DatasetRow | None:
        """A dataset by id."""
        return DATASET.one(await self._engine.point("load_dataset", {"tenant": tenant, "dataset_id": dataset_id}))

    async def list_datasets(self, tenant: str, *, after: str = "", limit: int = 1000) -> list[DatasetRow]:
        """All datasets by id."""
        bindings: Bindings = {"tenant": tenant, "after": after, "limit": limit}
        return [DATASET.read(row) for row in await self._engine.many("list_datasets", bindings)]

    async def dataset_policies(
        self, tenant: str, *, start: str | None, backwards: bool = False, limit: int = 100
    ) -> list[tuple[str, bytes]]:
        """The distinct policies of all datasets, (digest, document), by digest."""
        bindings: Bindings = {"tenant": tenant, "start": (LAST if backwards else "") if start is None else start}
        name = "policies_down_from" if backwards else "policies_from"
        rows = await self._engine.many(name, {**bindings, "limit": limit})
        return [(str(digest), policy) for digest, policy in rows if isinstance(policy, bytes)]

    async def find_datasets(
        self, tenant: str, policy_digest: str, wanted: Selection, *, place: str = "", skip: int = 0,
        backwards: bool = False, limit: int = 100,
    ) -> list[DatasetRow]:  # fmt: skip
        """The wanted datasets of one policy by id."""
        bindings = {**_narrowed(tenant, policy_digest, wanted), "place": place, "limit": limit}
        if backwards:
            rows = await self._engine.many("datasets_before", bindings)
        else:
            rows = await self._engine.many("datasets_after", {**bindings, "skip": skip})
        return [DATASET.read(row) for row in rows]

    async def count_datasets(self, tenant: str, policy_digest: str, wanted: Selection) -> int:
        """How many wanted datasets a policy has."""
        rows = await self._engine.many("count_datasets", _narrowed(tenant, policy_digest, wanted))
        return number(rows[0])

    async def status_bits(self, tenant: str, list_number: int, *, now: int) -> list[int]:
        """Indices within the list that are set by now."""
        bindings: Bindings = {"tenant": tenant, "list_number": list_number, "now": now}
        return [number(row) for row in await self._engine.many("status_bits", bindings)]

    async def status_changes(self, tenant: str, list_number: int) -> list[StatusChangeRow]:
        """The changes of a list, oldest first."""
        bindings: Bindings = {"tenant": tenant, "list_number": list_number}
        return [STATUS_CHANGE.read(row) for row in await self._engine.many("status_changes", bindings)]

    async def commit_status_change(self, row: StatusChangeRow, evidence: EvidenceEntry) -> None:
        """Record a change."""

        async def work(tx: Transaction) -> None:
            await tx.change("insert_status_change", STATUS_CHANGE.bind(row))
            await evidence_log.append(tx, (evidence,))

        await self._engine.write(work)

    async def counts(self, tenant: str) -> dict[str, int]:
        """Numbers for people; processes by kind and state, e.g. `negotiation FINALIZED`."""
        names = ("count_records", "count_processes")
        rows = [row for name in names for row in await self._engine.many(name, {"tenant": tenant})]
        return {str(row[0]): number(row, 1) for row in rows}


def dataset_changed(row: DatasetRow) -> Conflict:
    """Why a dataset was not replaced."""
    return Conflict(
        f"the offer {row.title!r} ({row.dataset_id}) was published anew or withdrawn at the same time",
        hint="look at it, and say again what is still wanted",
    )


def _narrowed(tenant: str, policy_digest: str, wanted: Selection) -> Bindings:
    def all_of(values: Iterable[str] | None) -> str | None:
        return None if values is None else listed(sorted(values))

    return {
        "tenant": tenant, "policy_digest": policy_digest, "ids": all_of(wanted.ids), "names": all_of(wanted.names),
        "types": all_of(wanted.record_types), "name_glob": wanted.name_glob, "name_like": wanted.name_like,
    }  # fmt: skip


async def _commit(tx: Transaction, commit: RecordsCommit) -> None:
    of: Bindings = {"tenant": commit.tenant, "holder": commit.holder}
    named = {*commit.expected, *(record.record_id for record in commit.records)}
    rows = await tx.rows("load_records", {**of, "record_ids": listed(sorted(named))})
    there = {row.record_id: row for row in map(RECORD.read, rows)}
    for record_id, version in commit.expected.items():
        if (there[record_id].version if record_id in there else 0) != version:
            raise Conflict(f"record {record_id} is no longer at version {version}")
    for digest in commit.overwritten:
        await tx.change("delete_credential", {**of, "digest": digest})
    for record in commit.records:
        await _save_record(tx, record, overwrite=bool(commit.overwritten))
    await tx.each("mark_newest", [{**of, "record_id": record.record_id} for record in commit.records])
    await _save_credentials(tx, commit)
    await tx.each("put_link", [LINK.bind(link) for link in commit.links])
    await tx.each("put_identifier", [IDENTIFIER.bind(identifier) for identifier in commit.identifiers])
    if commit.dataset is not None:
        await tx.change("put_dataset", DATASET.bind(commit.dataset))
    changed = [one for record in commit.records for one in changed_datasets(record, there.get(record.record_id))]
    await content_changed(tx, commit.tenant, changed)
    await evidence_log.append(tx, commit.evidence)


async def content_changed(tx: Transaction, tenant: str, datasets: Iterable[str]) -> None:
    """Count a change of what these datasets hold."""
    for dataset_id in set(datasets):
        await tx.change("content_changed", {"tenant": tenant, "dataset_id": dataset_id})


def changed_datasets(record: RecordRow, there: RecordRow | None) -> tuple[str, ...]:
    """The datasets whose content changes when this record takes the place of that one."""
    if record.origin == "received":
        return ()
    before = (there.dataset_id, there.version, there.digests) if there is not None else ("", 0, ())
    if before == (record.dataset_id, record.version, record.digests):
        return ()
    return tuple(one for one in (record.dataset_id, before[0]) if one)


async def _save_record(tx: Transaction, record: RecordRow, *, overwrite: bool) -> None:
    bindings = RECORD.bind(record)
    if not await tx.change("insert_record", bindings):
        there = RECORD.one(await tx.row("load_record", bindings))
        if there is None or set(there.digests) != set(record.digests):  # other credentials under the same number
            if not overwrite:
                raise Conflict(f"record {record.record_id} has a version {record.version} already, signed otherwise")
            await tx.change("delete_links", bindings)
        await tx.change("delete_record", bindings)
        await tx.change("insert_record", bindings)


async def _save_credentials(tx: Transaction, commit: RecordsCommit) -> None:
    """Insert what is new. An own status index must be above all that were given, also to what is gone by now."""
    free = mark = number(await tx.row("status_mark", {"tenant": commit.tenant}))
    for credential in commit.credentials:
        place = _status_place(credential)
        bindings = CREDENTIAL.bind(credential)
        inserted = await tx.change("insert_credential", bindings)
        if not inserted and await tx.row("credential_there", bindings):
            continue
        if not inserted or (place is not None and place < mark):
            raise Conflict(f"status index {place} is taken")
        if place is not None:
            free = max(free, place + 1)
    if free != mark:
        await tx.change("set_status_mark", {"tenant": commit.tenant, "next": free})


def _status_place(row: CredentialRow) -> int | None:
    """The status index, counted over all of a tenant's lists and not within one, as `statusListIndex` is; None when the
    credential has none or its list is another party's.
    """
    if row.origin != "own" or row.status_index is None or row.status_list is None:
        return None
    if not 0 <= row.status_index < LIST_BITS:
        raise ValueError(f"status index {row.status_index} is not within a list of {LIST_BITS}")
    return row.status_list * LIST_BITS + row.status_index
