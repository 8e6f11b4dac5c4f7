"""Rights on PostgreSQL: the wanted ones, the granted ones, and the statements that remove the difference.

One database, a schema for each log, one for the views and one for sessions and of_party. Only the administrator
owns the tables of a log, so no other role can change, drop or empty them, or switch off their triggers.

| role | the schemas of its logs | other logs' | views | sessions, webhooks |
|---|---|---|---|---|
| `counterfoil_SERVICE` | adds entries; adds, changes head, cursors, presence, snapshot; takes the lease | - | - | - |
| `counterfoil_gateway` | - | reads | reads | adds, changes, removes |
| `counterfoil_views` | - | - | owns | - |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, text

from counterfoil.contract.log_id import LogId
from counterfoil.contract.services import SERVICES
from counterfoil.settings import GATEWAY, VIEWS
from counterfoil.storage.lease import RELATION
from counterfoil.storage.migrations import VERSION_TABLE
from counterfoil.storage.schemas import schema_of, schemas_of

CLIENTS: Final = (*SERVICES, GATEWAY, VIEWS)
"""The users for which a role is created; the administrator has one already."""
PUBLIC: Final = "PUBLIC"
"""Every role."""
WRITABLE: Final = {
    "entries": ("SELECT", "INSERT"),
    "head": ("SELECT", "INSERT", "UPDATE"),
    "cursors": ("SELECT", "INSERT", "UPDATE"),
    "presence": ("SELECT", "INSERT", "UPDATE"),
    "_snapshot": ("SELECT", "UPDATE"),
    "_state": ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
"""A service's rights on the tables of its log and of its snapshot."""
CHANGEABLE: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""The gateway's rights on sessions and of_party."""
HARMLESS: Final = ("CONNECT", "USAGE", "SELECT")
"""Rights that the operator may have granted to other roles, such as one for monitoring."""
_SECRET: Final = f"TABLE {GATEWAY}.webhooks"
"""What no other role may read: it has the secrets that deliveries are signed with."""


class Grant(NamedTuple):
    """One right: `privilege` on `object` (``SCHEMA ledger``, ``TABLE ledger.entries``, ...) for a role or `PUBLIC`."""

    object: str
    privilege: str
    grantee: str

    def __str__(self) -> str:
        return f"{self.privilege} on {self.object} for {self.grantee}"


def role(user: str) -> str:
    """The name of a user's role on PostgreSQL."""
    return f"counterfoil_{user}"


def wanted(connection: Connection, logs: Sequence[LogId]) -> set[Grant]:
    """Every right that a role other than the owner should have, in a database for these logs."""
    gateway = role(GATEWAY)
    made = {Grant(_database(connection), "CONNECT", role(user)) for user in CLIENTS}
    made |= {Grant(f"SCHEMA {schema}", "USAGE", gateway) for schema in schemas_of(logs)}
    made |= {Grant(table, "SELECT", gateway) for table in connection.scalars(_VIEW_TABLES, {"views": VIEWS})}
    made.add(Grant(f"TABLE {GATEWAY}.{VERSION_TABLE}", "SELECT", gateway))
    made |= {Grant(f"TABLE {GATEWAY}.sessions", privilege, gateway) for privilege in CHANGEABLE}
    made |= {Grant(_SECRET, privilege, gateway) for privilege in CHANGEABLE}
    for schema, writer in [(schema_of(log), role(log.service)) for log in logs]:
        version = f"TABLE {schema}.{VERSION_TABLE}"
        made |= {Grant(f"SCHEMA {schema}", "USAGE", writer), Grant(version, "SELECT", writer)}
        made.add(Grant(version, "SELECT", gateway))
        made.add(Grant(f"TABLE {schema}.{RELATION}", "UPDATE", writer))  # the right that LOCK needs; there are no rows
        for name, privileges in WRITABLE.items():
            made.add(Grant(f"TABLE {schema}.{name}", "SELECT", gateway))
            made |= {Grant(f"TABLE {schema}.{name}", privilege, writer) for privilege in privileges}
    return made


def found(connection: Connection, logs: Sequence[LogId]) -> set[Grant]:
    """Every granted right, except owners', on the database, our schemas and their contents, and the schema `public`."""
    rows = connection.execute(_FOUND, {"schemas": list(schemas_of(logs))})
    made = set()
    for object_, privilege, grantee, passed_on in rows:
        made.add(Grant(object_, privilege, grantee))
        if passed_on:
            made.add(Grant(object_, f"GRANT OPTION FOR {privilege}", grantee))
    return made


def missing(connection: Connection, logs: Sequence[LogId]) -> list[Grant]:
    """Wanted rights that are not granted."""
    return sorted(wanted(connection, logs) - found(connection, logs))


def excessive(connection: Connection, logs: Sequence[LogId]) -> tuple[list[Grant], list[Grant]]:
    """Excess rights of our roles and PUBLIC; rights of other roles that let them write."""
    ours = {PUBLIC, *map(role, CLIENTS)}
    more = sorted(found(connection, logs) - wanted(connection, logs))
    others = [each for each in more if each.grantee not in ours]
    strangers = [each for each in others if each.privilege not in HARMLESS or each.object == _SECRET]
    return [each for each in more if each.grantee in ours], strangers


def arrange(connection: Connection, logs: Sequence[LogId]) -> Iterator[str]:
    """Grant missing rights, and revoke excess rights of our roles and PUBLIC; yields what was changed."""
    views, gateway = role(VIEWS), role(GATEWAY)
    if not future_views_are_readable(connection):
        granted = f"GRANT SELECT ON TABLES TO {gateway}"
        connection.exec_driver_sql(f"ALTER DEFAULT PRIVILEGES FOR ROLE {views} IN SCHEMA {VIEWS} {granted}")
        yield f"{gateway}: may read views created later"
    counts: dict[str, int] = {}
    for grant in missing(connection, logs):
        connection.exec_driver_sql(f"GRANT {grant.privilege} ON {grant.object} TO {grant.grantee}")
        counts[grant.grantee] = counts.get(grant.grantee, 0) + 1
    yield from (f"{grantee}: {count} rights granted" for grantee, count in counts.items())
    for grant in excessive(connection, logs)[0]:
        connection.exec_driver_sql(f"REVOKE {grant.privilege} ON {grant.object} FROM {grant.grantee}")
        yield f"{grant.grantee}: {grant.privilege} on {grant.object} revoked"


def future_views_are_readable(connection: Connection) -> bool:
    """Whether the gateway may read tables that the projector will create."""
    names = {"owner": role(VIEWS), "schema": VIEWS, "reader": role(GATEWAY)}
    return connection.scalar(_DEFAULT, names) is True


def _database(connection: Connection) -> str:
    return f"DATABASE {connection.scalar(text('SELECT quote_ident(current_database())'))}"


_VIEW_TABLES: Final = text("""\
SELECT format('TABLE %I.%I', nspname, relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE nspname = :views AND relkind IN ('r', 'p')""")

_DEFAULT: Final = text("""\
SELECT bool_or(a.grantee = to_regrole(:reader) AND a.privilege_type = 'SELECT')
FROM pg_default_acl, aclexplode(defaclacl) AS a
WHERE defaclrole = to_regrole(:owner) AND defaclnamespace = to_regnamespace(:schema) AND defaclobjtype = 'r'""")

_FOUND: Final = text("""\
WITH ours AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = ANY(:schemas)),
objects (object, owner, suffix, acl) AS (
    SELECT format('DATABASE %I', datname), datdba, '', coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database()
    UNION ALL
    SELECT format('SCHEMA %I', nspname), nspowner, '', coalesce(nspacl, acldefault('n', nspowner)) FROM ours
    UNION ALL
    SELECT format('SCHEMA %I', nspname), nspowner, '', coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace WHERE nspname = 'public'
    UNION ALL
    SELECT format('%s %I.%I', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, nspname, relname), relowner, '',
        coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r'::"char" END, relowner))
    FROM pg_class JOIN ours ON ours.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    UNION ALL
    SELECT format('TABLE %I.%I', nspname, relname), relowner, format(' (%I)', attname), attacl
    FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid JOIN ours ON ours.oid = relnamespace
    WHERE attacl IS NOT NULL AND NOT attisdropped
    UNION ALL
    SELECT format('FUNCTION %I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)), proowner, '',
        coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc AS p JOIN ours ON ours.oid = pronamespace
)
SELECT object, a.privilege_type || suffix, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee) END,
    a.is_grantable
FROM objects, aclexplode(acl) AS a WHERE a.grantee <> owner""")
