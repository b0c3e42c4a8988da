"""Access tokens made outside: right ones, to prove that the making is right, and every known kind of forgery."""
import base64
import hashlib
import hmac
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwt import PyJWK


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def dump(value):
    """JSON as bytes; bytes and text go as they are, so that a forgery can hold what no encoder writes."""
    return value if isinstance(value, bytes) else value.encode() if isinstance(value, str) else json.dumps(value).encode()


def raw_signature(key, text):
    """r and s, 32 bytes each."""
    r, s = decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def private_jwk(env, kid):
    """A signing key of the running copy, out of its file."""
    folder = Path(env["NXT_HOME"]) / "daemons/identity/keys"
    [text] = [text for text in (p.read_text() for p in folder.iterdir()) if kid in text]
    return json.loads(text)


class Mint:
    """Holds the signing key that a real token was made with, and that token's header and claims."""

    def __init__(self, env, token):
        self.token = token
        self.header, self.claims = (json.loads(unb64(part)) for part in token.split(".")[:2])
        self.jwk = private_jwk(env, self.header["kid"])
        self.key = PyJWK(self.jwk, "ES256").key
        self.public = {k: v for k, v in self.jwk.items() if k != "d"}

    def sign(self, header=None, claims=None, key=None, signature=None, **changes):
        """A token; `changes` set claims (None removes), `header` and `claims` replace the whole part."""
        header = dump(self.header if header is None else header)
        if claims is None:
            claims = {k: v for k, v in {**self.claims, **changes}.items() if v is not None}
        text = f"{b64(header)}.{b64(dump(claims))}"
        if signature is None:
            signature = raw_signature(key or self.key, text)
        return f"{text}.{b64(signature)}"

    def hmac(self, secret, **header):
        header = {**self.header, "alg": "HS256", **header}
        text = f"{b64(dump(header))}.{b64(dump(self.claims))}"
        return f"{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    def with_header(self, **changes):
        return self.sign(header={k: v for k, v in {**self.header, **changes}.items() if v is not None})


def forgeries(mint):
    """{what: token}: none of these may be let in anywhere."""
    now, stranger = int(time.time()), ec.generate_private_key(ec.SECP256R1())
    header, claims, token = mint.header, mint.claims, mint.token
    parts = token.split(".")
    pem = mint.key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = mint.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    found = {}

    # The algorithm is chosen by the token.
    for alg in ("none", "None", "NONE", "nOnE"):
        found[f"alg {alg}, no signature"] = mint.sign(header={**header, "alg": alg}, signature=b"")
        found[f"alg {alg}, old signature"] = mint.sign(header={**header, "alg": alg}, signature=unb64(parts[2]))
    for name, secret in {"PEM": pem, "PEM stripped": pem.strip(), "DER": der, "x": unb64(mint.jwk["x"]),
                         "point": unb64(mint.jwk["x"]) + unb64(mint.jwk["y"]), "JWK": dump(mint.public), "empty": b""}.items():
        found[f"HS256 with the public key as secret ({name})"] = mint.hmac(secret)
    found["HS256 called ES256"] = mint.hmac(pem, alg="ES256")
    found["ES384 in the header"] = mint.with_header(alg="ES384")
    found["ES256K in the header"] = mint.with_header(alg="ES256K")
    found["no alg"] = mint.with_header(alg=None)
    found["alg is a list"] = mint.with_header(alg=["ES256"])
    found["alg es256"] = mint.with_header(alg="es256")
    rsa_key = rsa.generate_private_key(65537, 2048)
    text = f"{b64(dump({**header, 'alg': 'RS256'}))}.{parts[1]}"
    found["RS256 by a stranger"] = f"{text}.{b64(rsa_key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    # The key is chosen by the token.
    found["a stranger's key under our kid"] = mint.sign(key=stranger)
    numbers = stranger.public_key().public_numbers()
    own = {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32, "big")), "y": b64(numbers.y.to_bytes(32, "big"))}
    found["a stranger's key in the header"] = mint.sign(header={**header, "jwk": own}, key=stranger)
    found["a stranger's key in the header, no kid"] = mint.sign(
        header={"alg": "ES256", "typ": "at+jwt", "jwk": own}, key=stranger)
    for name in ("jku", "x5u"):
        found[f"a stranger's {name}"] = mint.sign(header={**header, name: "http://127.0.0.1:1/jwks.json"}, key=stranger)
    for kid in ("01890000-0000-7000-8000-000000000000", "", None, 1, None, "../../../../dev/null", "' OR '1'='1",
                "A" * 5000, header["kid"].upper() if header["kid"] != header["kid"].upper() else "x", [header["kid"]]):
        found[f"kid {str(kid)[:40]!r}"] = mint.with_header(kid=kid)
    found["asks for an extension"] = mint.with_header(crit=["exp"])
    found["asks for an unencoded payload"] = mint.with_header(b64=False, crit=["b64"])

    # Another kind of token.
    for typ in ("JWT", "jwt", None, "", "id_token", "refresh+jwt", "at+jwt+x", "application/jwt", 1):
        found[f"typ {typ!r}"] = mint.with_header(typ=typ)

    # Another time.
    for what, changes in {
        "expired": {"iat": now - 1200, "exp": now - 601}, "no exp": {"exp": None}, "exp a text": {"exp": str(now + 300)},
        "exp a fraction": {"exp": now + 300.5}, "exp in a hundred years": {"exp": now + 3153600000},
        "exp negative": {"exp": -1}, "exp huge": {"exp": 1 << 62}, "exp true": {"exp": True}, "exp null": {"exp": [None]},
        "not valid yet": {"nbf": now + 3600}, "nbf a text": {"nbf": "now"}, "issued tomorrow": {"iat": now + 86400, "exp": now + 86700},
        "no iat": {"iat": None}, "exp before iat": {"iat": now, "exp": now - 1},
    }.items():
        found[what] = mint.sign(**changes)

    # For somebody else, from somebody else, about nobody.
    for what, changes in {
        "another audience": {"aud": "https://other.example"}, "no audience": {"aud": None}, "audience empty": {"aud": []},
        "audience among none of ours": {"aud": ["a", "b"]}, "audience a number": {"aud": 1},
        "another issuer": {"iss": "https://other.example"}, "no issuer": {"iss": None}, "issuer a list": {"iss": [claims["iss"]]},
        "issuer with a slash": {"iss": claims["iss"] + "/"},
        "no subject": {"sub": None}, "subject no UUID": {"sub": "admin"}, "subject a list": {"sub": [claims["sub"]]},
        "subject empty": {"sub": ""}, "no session": {"sid": None}, "session no UUID": {"sid": "1"},
        "no epoch": {"epoch": None}, "epoch a text": {"epoch": "99"}, "epoch negative": {"epoch": -1},
        "no roles": {"roles": None}, "roles a text": {"roles": "administrator"}, "roles of numbers": {"roles": [1]},
        "employee no UUID": {"employee_id": "boss"}, "unknown account type": {"account_type": "ROOT"},
        "unknown client": {"client": "ROBOT"},
    }.items():
        found[what] = mint.sign(**changes)
    found["claims are a list"] = mint.sign(claims=[claims])
    found["claims are empty"] = mint.sign(claims={})
    found["claims are no JSON"] = mint.sign(claims=b"{")
    found["claims are not UTF-8"] = mint.sign(claims=dump(claims).replace(b'"UI"', b'"U\xff"'))
    found["claims with a surrogate"] = mint.sign(claims=dump(claims)[:-1] + b',"x":"\\ud800"}')
    found["claims with NUL"] = mint.sign(claims=dump(claims)[:-1] + b',"x":"\\u0000"}')
    found["claims with more behind"] = mint.sign(claims=dump(claims) + b"{}")
    found["claims nested too deep"] = mint.sign(claims=dump(claims)[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}")
    double = dump(claims)[:-1] + b',"sub":"01890000-0000-7000-8000-000000000000"}'
    found["sub twice"] = mint.sign(claims=double)
    found["exp twice"] = mint.sign(claims=b'{"exp":1,' + dump(claims)[1:])
    found["roles twice"] = mint.sign(claims=dump(claims)[:-1] + b',"roles":["administrator"]}')
    found["alg twice"] = mint.sign(header=dump(header)[:-1] + b',"alg":"none"}')
    found["kid twice"] = mint.sign(header=b'{"kid":"x",' + dump(header)[1:])
    found["header is a list"] = mint.sign(header=[header])

    # Changed after it was signed.
    raised = {**claims, "roles": ["administrator"], "sub": "01890000-0000-7000-8000-000000000001"}
    found["payload changed"] = f"{parts[0]}.{b64(dump(raised))}.{parts[2]}"
    found["header changed"] = f"{b64(dump({**header, 'x': 1}))}.{parts[1]}.{parts[2]}"
    found["signature flipped"] = f"{parts[0]}.{parts[1]}.{b64(bytes([unb64(parts[2])[0] ^ 1]) + unb64(parts[2])[1:])}"
    found["signature of zeros"] = mint.sign(signature=bytes(64))
    order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551
    found["signature r = s = n"] = mint.sign(signature=order.to_bytes(32, "big") * 2)
    found["signature r = 0"] = mint.sign(signature=bytes(32) + unb64(parts[2])[32:])
    found["signature in DER"] = mint.sign(signature=mint.key.sign(f"{parts[0]}.{parts[1]}".encode(), ec.ECDSA(hashes.SHA256())))
    found["signature cut"] = token[:-2]
    found["signature with more behind"] = token + "AA"
    # Another spelling of the same bytes: 64 bytes leave 2 bits unused in the last character.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    found["signature spelled otherwise"] = token[:-1] + alphabet[alphabet.index(token[-1]) | 1]
    found["no signature"] = f"{parts[0]}.{parts[1]}."
    found["two parts"] = f"{parts[0]}.{parts[1]}"
    found["four parts"] = token + "." + parts[2]
    found["five parts"] = ".".join([parts[0], "", "", parts[1], parts[2]])
    found["padding"] = token + "="
    found["other alphabet"] = token.replace("-", "+").replace("_", "/") if set("-_") & set(token) else token + "+"
    found["a dot behind"] = token + "."
    found["only dots"] = ".."
    found["nonsense"] = "nonsense"
    found["huge"] = "A" * 6000 + "." + "B" * 6000 + "." + "C" * 86
    found["space inside"] = token[:20] + " " + token[20:]
    found["twice with a comma"] = f"{token}, {token}"
    return found
