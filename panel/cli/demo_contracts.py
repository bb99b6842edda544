"""The contracts of ``cis demo load``. Days count from the day they are loaded."""

from __future__ import annotations

from typing import Any

DEMO_CONTRACTS: tuple[dict[str, Any], ...] = (
    {
        "number": "CIS/2026/001",
        "teryt": "301101",  # Kościan (miasto): everything in plenty, for trials with large numbers.
        "items": [
            {"service": "GMINA-POWIAT", "quantity": 1},
            {"service": "EMAIL", "quantity": 200_000, "discount_percent": "99.00"},
            {"service": "DNS", "quantity": 20_000, "discount_percent": "99.00"},
            {"service": "SERWER-WIRTUALNY", "quantity": 2_000, "discount_percent": "99.00"},
            {"service": "FTP", "quantity": 20_000, "discount_percent": "99.00"},
            {"service": "LISTA", "quantity": 200, "discount_percent": "99.00"},
            {"service": "BOM", "quantity": 1},
            {"service": "GCI", "quantity": 1},
        ],
    },
    {
        "number": "CIS/2026/002",
        "teryt": "301103",  # Kościan (gmina)
        "items": [{"service": "GMINA-POWIAT", "quantity": 1}, {"service": "EMAIL", "quantity": 15}],
    },
    {
        "number": "CIS/2026/003",
        "teryt": "3011",  # Powiat kościański, which buys accounts for its schools
        "items": [{"service": "GMINA-POWIAT", "quantity": 1}, {"service": "SZKOLA", "quantity": 1_200}],
    },
    {
        "number": "CIS/2025/017",
        "teryt": "086101",  # Gorzów Wielkopolski
        "age_days": 520,
        "items": [
            {"service": "GMINA-POWIAT", "quantity": 1},
            {"service": "EMAIL", "quantity": 300, "discount_percent": "10.00"},
            {"service": "SZKOLA", "quantity": 9_000, "unit_price": "4.50"},
        ],
    },
    {
        "number": "CIS/2025/021",
        "teryt": "306301",  # Leszno
        "age_days": 430,
        "ends_in_days": 665,
        "items": [{"service": "EMAIL", "quantity": 120}, {"service": "BIP", "quantity": 1}],
    },
    {
        "number": "CIS/2025/030",
        "teryt": "300301",  # Gniezno (miasto)
        "age_days": 400,
        "items": [
            {"service": "GMINA-POWIAT", "quantity": 1},
            {"service": "SERWER-WIRTUALNY", "quantity": 3},
            {"service": "LISTA", "quantity": 2},
        ],
    },
    {
        "number": "CIS/2026/009",
        "teryt": "3001",  # Powiat chodzieski
        "items": [{"service": "GMINA-POWIAT", "quantity": 1}, {"service": "SPI", "quantity": 1}],
    },
    {
        "number": "CIS/2024/004",
        "teryt": "300201",  # Czarnków (miasto): expires soon
        "age_days": 1_040,
        "ends_in_days": 55,
        "items": [{"service": "GMINA-POWIAT", "quantity": 1}, {"service": "DNS", "quantity": 4}],
    },
    {
        "number": "CIS/2025/011",
        "teryt": "302801",  # Wągrowiec (miasto): suspended
        "age_days": 610,
        "suspended": "Zaległe płatności za dwa kwartały",
        "items": [{"service": "GMINA-POWIAT", "quantity": 1}, {"service": "EMAIL", "quantity": 25}],
    },
    {
        "number": "CIS/2023/002",
        "teryt": "306401",  # Poznań, whose first contract is over
        "age_days": 1_190,
        "ends_in_days": -95,
        "items": [{"service": "EMAIL", "quantity": 50}],
    },
)
