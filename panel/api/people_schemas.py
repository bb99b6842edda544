"""What answers about people, their rights and their tokens look like: part of the components in ``schemas.py``."""

from __future__ import annotations

from panel.api.schema_parts import (
    FLAG,
    ID,
    LINKS,
    MOMENT,
    TEXT,
    WHOLE,
    Schema,
    list_of,
    one_of,
    or_null,
    thing,
)
from panel.identity.invitations import STATES as INVITATION_STATES
from panel.kernel.access import PERMISSIONS, ROLES

_TIMES = {"created_at": MOMENT, "updated_at": MOMENT}
_TOKEN = {
    "id": ID,
    "name": TEXT,
    "member_id": or_null(ID),
    "role": TEXT,
    "kinds": or_null(list_of(TEXT)),
    "networks": or_null(list_of(TEXT)),
    "maker_id": ID,
    "expires_at": MOMENT,
    "revoked_at": or_null(MOMENT),
    "last_used_at": or_null(MOMENT),
    "created_at": MOMENT,
    "links": LINKS,
}

PEOPLE: dict[str, Schema] = {
    "Token": thing(_TOKEN, also={"token": TEXT | {"description": "The secret; in the first answer only."}}),
    "Invitation": thing(
        {
            "id": ID,
            "email": TEXT,
            "name": TEXT,
            "role": one_of(list(ROLES)),
            "member_id": or_null(ID),
            "language": TEXT,
            "state": one_of(INVITATION_STATES),
            "inviter_name": TEXT,
            "expires_at": MOMENT,
            "accepted_at": or_null(MOMENT),
            "accepted_by_id": or_null(ID),
            "withdrawn_at": or_null(MOMENT),
            "created_at": MOMENT,
            "links": LINKS,
        }
    ),
    "User": thing(
        {
            "id": ID,
            "email": TEXT,
            "name": TEXT,
            "active": FLAG,
            "role": or_null(one_of(list(ROLES))) | {"description": "Of the widest grant that holds; null: of none."},
            "member_id": or_null(ID) | {"description": "On whom `role` is held; null: on the whole association."},
            "grants": list_of(
                thing(
                    {
                        "id": ID,
                        "role": one_of(list(ROLES)),
                        "member_id": or_null(ID),
                        "until": or_null(MOMENT),
                        "granted_at": MOMENT,
                        "granted_by": or_null(ID),
                    }
                )
            ),
            "second_factor": FLAG,
            "last_sign_in_at": or_null(MOMENT),
            "created_at": MOMENT,
            "links": LINKS,
        }
    ),
    "EmailChange": thing(
        {"id": ID, "user_id": ID, "email": TEXT, "asked_at": MOMENT, "expires_at": MOMENT, "links": LINKS}
    ),
    "OutsideProvider": thing(
        {
            "id": ID,
            "name": TEXT,
            "issuer": TEXT,
            "client_id": TEXT,
            "has_secret": FLAG,
            "member_ids": list_of(ID),
            "for_staff": FLAG,
            "active": FLAG,
            "created_at": MOMENT,
            "links": LINKS,
        }
    ),
    "ReachedProvider": thing(
        {"id": ID, "issuer": TEXT, "authorization_endpoint": TEXT, "token_endpoint": TEXT, "keys": WHOLE}
    ),
    "Role": thing({"name": one_of(list(ROLES)), "permissions": list_of(one_of(sorted(PERMISSIONS)))}),
}
