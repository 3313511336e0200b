"""What machines have: addresses in networks, URLs with credentials, API keys, private keys."""

from __future__ import annotations

import base64
import json
import zlib
from random import Random

from .values import ALNUM, DIGITS, HEX, LOWER, UPPER, Value, around, draw

# ------------------------------------------------------------------ addresses of networks: RFC 791, 4291, 5952, IEEE 802


def ipv4_digits(r: Random) -> str:
    first = r.choice((23, 36, 42, 58, 61, 87, 101, 111, 117, 124, 139, 175, 183, 202, 211, 218, 221))
    return f"{first}.{r.randrange(20, 256)}.{r.randrange(20, 256)}.{r.randrange(1, 255)}"


def ipv4(r: Random) -> Value:
    return Value(ipv4_digits(r))


def ipv4_port(r: Random) -> Value:
    return around("", ipv4_digits(r), f":{r.choice((22, 80, 443, 3306, 8080, 30303))}")


def ipv6(r: Random) -> Value:
    groups = ["2001", "db8"] + [f"{r.randrange(1, 65536):x}" for _ in range(6)]
    return Value(":".join(groups) if r.random() < 0.7 else ":".join(g.zfill(4) for g in groups).upper())


def ipv6_short(r: Random) -> Value:
    few = [f"{r.randrange(1, 65536):x}" for _ in range(r.randrange(1, 4))]
    return Value(r.choice(("2001:db8::", "2001:db8:1::", "240e:3b7:4c11::", "2409:8a55:2e10:7f::")) + ":".join(few))


def ipv6_mapped(r: Random) -> Value:
    return around("::ffff:", ipv4_digits(r))


def mac_colon(r: Random) -> Value:
    octets = ":".join(draw(r, HEX, 2) for _ in range(6))
    return Value(octets if r.random() < 0.5 else octets.upper())


def mac_dash(r: Random) -> Value:
    return Value("-".join(draw(r, HEX, 2) for _ in range(6)).upper())


def mac_cisco(r: Random) -> Value:
    return Value(".".join(draw(r, HEX, 4) for _ in range(3)))


# ---------------------------------------------------------------------------------------- URL with credentials: RFC 3986


def password(r: Random) -> str:
    return draw(r, ALNUM, r.randrange(7, 12)) + r.choice(("", "!", "%40", "_x", "-7"))


def url_credentials(r: Random) -> Value:
    scheme, host = r.choice(
        (
            ("https", "git.kelan-tech.com/repo.git"),
            ("ftp", "files.huaruitong.com.cn/pub/data.zip"),
            ("postgres", "db.internal:5432/orders"),
            ("mysql", "10.8.0.5:3306/shop"),
            ("mongodb", "mongo01:27017/admin"),
            ("amqp", "queue.local:5672/vhost"),
            ("http", "proxy.brightmoor.co.uk:3128"),
            ("rtsp", "cam7.lan:554/stream1"),
            ("postgresql+psycopg2", "pg.prod.local/app"),
        )
    )
    user = r.choice(("admin", "deploy", "root", "zhangwei", "svc_report", "backup", "ci-bot"))
    return around(f"{scheme}://", f"{user}:{password(r)}", f"@{host}")


def url_password_only(r: Random) -> Value:
    return around("redis://:", password(r), "@cache.internal:6379/0")


# ------------------------------------------------------- secrets, by the documentation of who gives them; RFC 7519, 7468


def jwt(r: Random) -> Value:
    def part(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    claims = {"sub": draw(r, DIGITS, 10), "name": draw(r, LOWER, 6), "iat": r.randrange(1500000000, 1700000000)}
    head = part(json.dumps({"alg": "HS256", "typ": "JWT"}, separators=(",", ":")).encode())
    return Value(f"{head}.{part(json.dumps(claims, separators=(',', ':')).encode())}.{part(r.randbytes(32))}")


def github(r: Random) -> Value:
    """The last six characters are a CRC-32 of the others in base 62."""
    body, kind = draw(r, ALNUM, 30), r.choice(("ghp", "gho", "ghs", "ghu"))
    crc, check = zlib.crc32(body.encode()), ""
    while crc:
        crc, digit = divmod(crc, 62)
        check = ALNUM[digit] + check
    return Value(f"{kind}_{body}{check.zfill(6)}")


def api_key(r: Random) -> Value:
    d = lambda alphabet, n: draw(r, alphabet, n)  # noqa: E731
    return Value(
        r.choice(
            (
                lambda: "AKIA" + d(UPPER + "234567", 16),
                lambda: "sk-" + d(ALNUM, 48),
                lambda: f"sk-proj-{d(ALNUM, 48)}",
                lambda: f"sk-ant-api03-{d(ALNUM + '-_', 93)}AA",
                lambda: "AIza" + d(ALNUM + "-_", 34) + d(ALNUM, 1),
                lambda: f"xoxb-{d(DIGITS, 12)}-{d(DIGITS, 12)}-{d(ALNUM, 24)}",
                lambda: f"sk_live_{d(ALNUM, 24)}",
                lambda: f"hf_{d(UPPER + LOWER, 34)}",
                lambda: f"glpat-{d(ALNUM, 20)}",
                lambda: f"npm_{d(ALNUM, 36)}",
                lambda: f"SG.{d(ALNUM, 22)}.{d(ALNUM, 43)}",
                lambda: f"LTAI5t{d(ALNUM, 18)}",
                lambda: f"github_pat_{d(ALNUM, 22)}_{d(ALNUM, 59)}",
            )
        )()
    )


def assigned_secret(r: Random) -> Value:
    """Told by the name before it alone, in the frames of kind `code`."""
    return Value(draw(r, ALNUM + "/+", 39) + draw(r, ALNUM, 1))


def private_key(r: Random) -> Value:
    name = r.choice(
        ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "DSA PRIVATE KEY")
    )
    body = base64.b64encode(r.randbytes(r.randrange(150, 260))).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return around(f"-----BEGIN {name}-----\n", lines, f"\n-----END {name}-----")


def private_key_escaped(r: Random) -> Value:
    """As a JSON of a service account has it."""
    block = private_key(r)
    lead, end = block.core or (0, 0)
    return around(*(part.replace("\n", "\\n") for part in (block.text[:lead], block.text[lead:end], block.text[end:])))


def private_key_pgp(r: Random) -> Value:
    body = base64.b64encode(r.randbytes(180)).decode()
    lines = "\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    return around(
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", f"{lines}\n={draw(r, ALNUM, 4)}", "\n-----END PGP PRIVATE KEY BLOCK-----"
    )
