"""The tables of buckets and objects, and every query on them.

Keys are stored as UTF-8 bytes, which every database compares byte by byte: the order in which S3 lists. Every version of an object is
a row, and so is every delete marker; at most one row of a key is `current`. A write of an object, and every move of a version between
current and noncurrent, deletes the old row and inserts a new one, so `sequence` names one committed state of one version for ever.
Queries on versions are in `version_store`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    delete,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from opentrail.buckets.checksums import Checksum
from opentrail.buckets.values import NO_LOCK, VERSIONS, Attributes, Bucket, Lock, ObjectPart, Part, StoredObject, Upload
from opentrail.storage.database import Database

TABLES = MetaData()

_buckets = Table(
    "buckets",
    TABLES,
    Column("name", String, primary_key=True),
    Column("account_id", String, nullable=False, index=True),
    Column("region", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("versioning", String),
    Column("mfa_delete", Boolean, nullable=False),
    Column("object_lock", Boolean, nullable=False),
)
_configurations = Table(
    "bucket_configurations",
    TABLES,
    Column("bucket", String, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("value", Text, nullable=False),
)
OBJECTS = Table(
    "bucket_objects",
    TABLES,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("bucket", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("file", String),
    Column("size", BigInteger, nullable=False),
    Column("etag", String, nullable=False),
    Column("modified", Float, nullable=False),
    Column("owner", String, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("version", String, nullable=False),
    Column("is_null", Integer, nullable=False),
    Column("is_current", Integer, nullable=False),
    Column("is_marker", Integer, nullable=False),
    Column("superseded", Float),
    Column("lock", Text),
    Column("parts", Text),
    UniqueConstraint("bucket", "key", "version"),
    Index("bucket_objects_by_file", "bucket", "file", unique=True),
    sqlite_autoincrement=True,
)
CURRENT = OBJECTS.c.is_current == literal_column("1")
"""As a literal, so that the index below serves it."""
NULL = OBJECTS.c.is_null == literal_column("1")
Index("bucket_objects_current", OBJECTS.c.bucket, OBJECTS.c.key, unique=True, sqlite_where=CURRENT, postgresql_where=CURRENT)
Index("bucket_objects_null", OBJECTS.c.bucket, OBJECTS.c.key, unique=True, sqlite_where=NULL, postgresql_where=NULL)
_uploads = Table(
    "bucket_uploads",
    TABLES,
    Column("upload_id", String, primary_key=True),
    Column("bucket", String, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("initiated", Float, nullable=False),
    Column("owner", String, nullable=False),
    Column("initiator", String, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("checksum_algorithm", String),
    Column("checksum_type", String),
    Column("lock", Text),
    Index("bucket_uploads_by_key", "bucket", "key", "upload_id"),
)
_parts = Table(
    "bucket_parts",
    TABLES,
    Column("upload_id", String, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("etag", String, nullable=False),
    Column("modified", Float, nullable=False),
    Column("file", String, nullable=False),
    Column("checksum", Text),
)
_attributes = msgspec.json.Decoder(Attributes)
_tags = msgspec.json.Decoder(dict[str, str])
_object_parts = msgspec.json.Decoder(list[ObjectPart])
_checksum = msgspec.json.Decoder(Checksum)
_lock = msgspec.json.Decoder(Lock)
OBJECT_COLUMNS = [column for column in OBJECTS.columns if column.name != "parts"]
_FIND_NOW = (
    f"SELECT {', '.join(column.name for column in OBJECT_COLUMNS)} FROM bucket_objects WHERE bucket = ? AND key = ? AND is_current = 1"
)
_SEQUENCE_NOW = "SELECT sequence FROM bucket_objects WHERE bucket = ? AND key = ? AND is_current = 1"


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


# Buckets


def add_bucket(connection: Connection, bucket: Bucket) -> bool:
    """Insert; `False` when the name is taken."""
    try:
        connection.execute(
            insert(_buckets).values(
                name=bucket.name,
                account_id=bucket.account_id,
                region=bucket.region,
                created=bucket.created,
                versioning=bucket.versioning,
                mfa_delete=bucket.mfa_delete,
                object_lock=bucket.object_lock,
            )
        )
    except IntegrityError:
        return False
    return True


def bucket(connection: Connection, name: str) -> Bucket | None:
    """The bucket called `name`."""
    row = connection.execute(select(_buckets).where(_buckets.c.name == name)).first()
    return None if row is None else _bucket(row)


def buckets_of(connection: Connection, account_id: str, *, prefix: str, after: str, region: str | None, limit: int) -> list[Bucket]:
    """The buckets of an account in order of their names, behind `after`."""
    query = select(_buckets).where(_buckets.c.account_id == account_id, _buckets.c.name > after)
    if prefix:
        query = query.where(_buckets.c.name >= prefix, _buckets.c.name < prefix + "\U0010ffff")
    if region is not None:
        query = query.where(_buckets.c.region == region)
    return [_bucket(row) for row in connection.execute(query.order_by(_buckets.c.name).limit(limit))]


def version_bucket(connection: Connection, name: str, *, versioning: str | None, mfa_delete: bool, object_lock: bool) -> None:
    """Change what is kept of the bucket's objects."""
    values = {"versioning": versioning, "mfa_delete": mfa_delete, "object_lock": object_lock}
    connection.execute(update(_buckets).where(_buckets.c.name == name).values(**values))


def remove_bucket(connection: Connection, name: str) -> list[str]:
    """Delete the bucket with all that is said about it; the ids of the uploads that go with it."""
    uploads = list(connection.execute(select(_uploads.c.upload_id).where(_uploads.c.bucket == name)).scalars())
    for upload_id in uploads:
        remove_upload(connection, upload_id)
    connection.execute(delete(_configurations).where(_configurations.c.bucket == name))
    connection.execute(delete(_buckets).where(_buckets.c.name == name))
    return uploads


def configurations(connection: Connection, bucket_name: str) -> dict[str, str]:
    """Everything configured for the bucket: kind → text."""
    rows = connection.execute(select(_configurations.c.kind, _configurations.c.value).where(_configurations.c.bucket == bucket_name))
    return {row.kind: row.value for row in rows}


def configured(connection: Connection, kind: str) -> dict[str, str]:
    """The buckets for which `kind` is configured, by name: bucket → text."""
    query = select(_configurations.c.bucket, _configurations.c.value).where(_configurations.c.kind == kind)
    return {row.bucket: row.value for row in connection.execute(query.order_by(_configurations.c.bucket))}


def configure(connection: Connection, bucket_name: str, kind: str, value: str | None) -> None:
    """Set one configuration; `None` removes it."""
    connection.execute(delete(_configurations).where(_configurations.c.bucket == bucket_name, _configurations.c.kind == kind))
    if value is not None:
        connection.execute(insert(_configurations).values(bucket=bucket_name, kind=kind, value=value))


# Objects


def add_object(connection: Connection, new: StoredObject, parts: Sequence[ObjectPart] = ()) -> None:
    """Insert `new` (its `sequence` is given by the database); the row that it replaces must be gone."""
    connection.execute(
        insert(OBJECTS).values(
            bucket=new.bucket,
            key=new.key.encode(),
            file=new.file or None,
            size=new.size,
            etag=new.etag,
            modified=new.modified,
            owner=new.owner,
            attributes=_text(new.attributes),
            tags=_text(new.tags),
            version=new.version,
            is_null=int(new.null),
            is_current=int(new.current),
            is_marker=int(new.marker),
            superseded=new.superseded,
            lock=lock_text(new.lock),
            parts=_text(list(parts)) if parts else None,
        )
    )


def find_object(connection: Connection, bucket_name: str, key: str) -> StoredObject | None:
    """The object under `key`."""
    query = select(*OBJECT_COLUMNS).where(OBJECTS.c.bucket == bucket_name, OBJECTS.c.key == key.encode(), CURRENT)
    row = connection.execute(query).first()
    return None if row is None else stored(row)


def find_object_now(database: Database, bucket_name: str, key: str) -> StoredObject | None:
    """The object under `key`, in no transaction: what every GetObject asks."""
    row = database.first(_FIND_NOW, (bucket_name, key.encode()))
    if row is None:
        return None
    return stored(row)


def current_sequence(database: Database, bucket_name: str, key: str) -> int | None:
    """Which committed state is current under `key`, in no transaction."""
    row = database.first(_SEQUENCE_NOW, (bucket_name, key.encode()))
    return None if row is None else int(row[0])


def remove_object(connection: Connection, sequence: int) -> None:
    """Delete one row."""
    connection.execute(delete(OBJECTS).where(OBJECTS.c.sequence == sequence))


def tag_object(connection: Connection, sequence: int, tags: Mapping[str, str]) -> None:
    """Replace the tags of an object."""
    connection.execute(update(OBJECTS).where(OBJECTS.c.sequence == sequence).values(tags=_text(tags)))


def class_object(connection: Connection, sequence: int, attributes: Attributes, storage_class: str) -> None:
    """Note another storage class."""
    text = _text(msgspec.structs.replace(attributes, storage_class=storage_class))
    connection.execute(update(OBJECTS).where(OBJECTS.c.sequence == sequence).values(attributes=text))


def lock_object(connection: Connection, sequence: int, lock: Lock) -> None:
    """Replace the lock of a version."""
    connection.execute(update(OBJECTS).where(OBJECTS.c.sequence == sequence).values(lock=lock_text(lock)))


def object_parts(connection: Connection, sequence: int) -> list[ObjectPart]:
    """The parts that an object was made of; none for a plain put."""
    text = connection.execute(select(OBJECTS.c.parts).where(OBJECTS.c.sequence == sequence)).scalar()
    return [] if text is None else _object_parts.decode(text)


def referenced(connection: Connection, bucket_name: str, file: str) -> bool:
    """Whether the file holds the data of an object or a version (`StoredObject.place`)."""
    if bucket_name == VERSIONS:
        bucket_name, _, file = file.partition("/")
    query = select(OBJECTS.c.sequence).where(OBJECTS.c.bucket == bucket_name, OBJECTS.c.file == file)
    return connection.execute(query).first() is not None


def holds_objects(connection: Connection, bucket_name: str) -> bool:
    """Whether the bucket has any object, version or delete marker."""
    return connection.execute(select(OBJECTS.c.sequence).where(OBJECTS.c.bucket == bucket_name).limit(1)).first() is not None


def scan(connection: Connection, bucket_name: str, *, start: bytes, inclusive: bool, end: bytes | None, limit: int) -> list[StoredObject]:
    """Up to `limit` objects in key order from `start` (or behind it) to before `end`."""
    query = select(*OBJECT_COLUMNS).where(OBJECTS.c.bucket == bucket_name, CURRENT)
    query = query.where(OBJECTS.c.key >= start if inclusive else OBJECTS.c.key > start)
    if end is not None:
        query = query.where(OBJECTS.c.key < end)
    return [stored(row) for row in connection.execute(query.order_by(OBJECTS.c.key).limit(limit))]


# Multipart uploads


def add_upload(connection: Connection, upload: Upload) -> None:
    """Insert."""
    connection.execute(
        insert(_uploads).values(
            upload_id=upload.upload_id,
            bucket=upload.bucket,
            key=upload.key.encode(),
            initiated=upload.initiated,
            owner=upload.owner,
            initiator=upload.initiator,
            attributes=_text(upload.attributes),
            tags=_text(upload.tags),
            checksum_algorithm=upload.checksum_algorithm,
            checksum_type=upload.checksum_type,
            lock=lock_text(upload.lock),
        )
    )


def upload(connection: Connection, upload_id: str) -> Upload | None:
    """The upload, while it is under way."""
    row = connection.execute(select(_uploads).where(_uploads.c.upload_id == upload_id)).first()
    return None if row is None else _upload(row)


def uploads_from(
    connection: Connection, bucket_name: str, *, start: bytes, after_id: str | None, end: bytes | None, inclusive: bool, limit: int
) -> list[Upload]:
    """Up to `limit` uploads by key and id from `start`; at `start` itself only those behind `after_id`."""
    query = select(_uploads).where(_uploads.c.bucket == bucket_name)
    if inclusive:
        query = query.where(_uploads.c.key >= start)
    elif after_id is None:
        query = query.where(_uploads.c.key > start)
    else:
        query = query.where(or_(_uploads.c.key > start, and_(_uploads.c.key == start, _uploads.c.upload_id > after_id)))
    if end is not None:
        query = query.where(_uploads.c.key < end)
    return [_upload(row) for row in connection.execute(query.order_by(_uploads.c.key, _uploads.c.upload_id).limit(limit))]


def remove_upload(connection: Connection, upload_id: str) -> bool:
    """Delete the upload and its parts; `False` when it is not under way any more."""
    connection.execute(delete(_parts).where(_parts.c.upload_id == upload_id))
    return connection.execute(delete(_uploads).where(_uploads.c.upload_id == upload_id)).rowcount == 1


def add_part(connection: Connection, upload_id: str, part: Part) -> str | None:
    """Insert or replace; the file of the part that was replaced."""
    place = and_(_parts.c.upload_id == upload_id, _parts.c.number == part.number)
    old = connection.execute(select(_parts.c.file).where(place)).scalar()
    connection.execute(delete(_parts).where(place))
    connection.execute(
        insert(_parts).values(
            upload_id=upload_id,
            number=part.number,
            size=part.size,
            etag=part.etag,
            modified=part.modified,
            file=part.file,
            checksum=None if part.checksum is None else _text(part.checksum),
        )
    )
    return old


def parts_of(connection: Connection, upload_id: str, *, after: int = 0, limit: int | None = None) -> list[Part]:
    """The parts of an upload in order of their numbers, behind `after`."""
    query = select(_parts).where(_parts.c.upload_id == upload_id, _parts.c.number > after).order_by(_parts.c.number).limit(limit)
    return [_part(row) for row in connection.execute(query)]


def upload_ids(connection: Connection) -> list[str]:
    """Every upload under way."""
    return list(connection.execute(select(_uploads.c.upload_id)).scalars())


# Rows to values


def _bucket(row: Row[Any]) -> Bucket:
    return Bucket(
        name=row.name,
        account_id=row.account_id,
        region=row.region,
        created=row.created,
        versioning=row.versioning,
        mfa_delete=bool(row.mfa_delete),
        object_lock=bool(row.object_lock),
    )


def stored(row: Sequence[Any]) -> StoredObject:
    """A row of `OBJECT_COLUMNS`."""
    (
        sequence,
        bucket_name,
        key,
        file,
        size,
        etag,
        modified,
        owner,
        attributes,
        tags,
        version,
        is_null,
        is_current,
        is_marker,
        superseded,
        lock,
    ) = row
    return StoredObject(
        bucket=bucket_name,
        key=key.decode(),
        sequence=sequence,
        file=file or "",
        size=size,
        etag=etag,
        modified=modified,
        owner=owner,
        attributes=_attributes.decode(attributes),
        tags=_tags.decode(tags),
        version=version,
        null=bool(is_null),
        current=bool(is_current),
        marker=bool(is_marker),
        superseded=superseded,
        lock=NO_LOCK if lock is None else _lock.decode(lock),
    )


def lock_text(lock: Lock) -> str | None:
    """A lock as it is stored; none as `None`."""
    return None if lock == NO_LOCK else _text(lock)


def _upload(row: Row[Any]) -> Upload:
    return Upload(
        upload_id=row.upload_id,
        bucket=row.bucket,
        key=row.key.decode(),
        initiated=row.initiated,
        owner=row.owner,
        initiator=row.initiator,
        attributes=_attributes.decode(row.attributes),
        tags=_tags.decode(row.tags),
        checksum_algorithm=row.checksum_algorithm,
        checksum_type=row.checksum_type,
        lock=NO_LOCK if row.lock is None else _lock.decode(row.lock),
    )


def _part(row: Row[Any]) -> Part:
    return Part(
        number=row.number,
        size=row.size,
        etag=row.etag,
        modified=row.modified,
        file=row.file,
        checksum=None if row.checksum is None else _checksum.decode(row.checksum),
    )
