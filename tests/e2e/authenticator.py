"""A passkey authenticator in software with the browser before it, as far as a server sees of both (WebAuthn level 2).

Every part that a server must check can be made wrong, one at a time.
"""
import base64
import hashlib
import json
import os

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

PRESENT, VERIFIED, ATTESTED, EXTENDED = 0x01, 0x04, 0x40, 0x80
ES256, EDDSA = -7, -8


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Passkey:
    def __init__(self, origin, algorithm=ES256, counts=True):
        self.origin, self.algorithm, self.counts = origin, algorithm, counts
        self.key = ec.generate_private_key(ec.SECP256R1()) if algorithm == ES256 else ed25519.Ed25519PrivateKey.generate()
        self.id, self.count, self.handle = os.urandom(32), 0, None

    def cose(self):
        if self.algorithm == ES256:
            n = self.key.public_key().public_numbers()
            return {1: 2, 3: ES256, -1: 1, -2: n.x.to_bytes(32, "big"), -3: n.y.to_bytes(32, "big")}
        return {1: 1, 3: EDDSA, -1: 6, -2: self.key.public_key().public_bytes_raw()}

    def sign(self, data):
        return self.key.sign(data, ec.ECDSA(hashes.SHA256())) if self.algorithm == ES256 else self.key.sign(data)

    def client_data(self, kind, challenge, **change):
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False,
                           "other_keys_can_be_added_here": "they are", **change}).encode()

    def _auth_data(self, rp_id, flags, rest=b""):
        if self.counts:
            self.count += 1
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big") + rest

    def attested(self, cose=None):
        cose = cbor2.dumps(self.cose() if cose is None else cose)
        return bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose

    def create(self, options, client=None, rp_id=None, flags=PRESENT | VERIFIED | ATTESTED, rest=None, attestation=None):
        """What navigator.credentials.create() gives, in its JSON form; arguments change one part of it."""
        self.handle = options["user"]["id"]
        auth_data = self._auth_data(rp_id or options["rp"]["id"], flags, self.attested() if rest is None else rest)
        client_data = self.client_data("webauthn.create", options["challenge"], **(client or {}))
        make = attestation or (lambda data, hashed: {"fmt": "none", "attStmt": {}, "authData": data})
        made = make(auth_data, hashlib.sha256(client_data).digest())
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "authenticatorAttachment": "platform",
                "clientExtensionResults": {},
                "response": {"clientDataJSON": b64(client_data), "transports": ["internal", "hybrid"],
                             "attestationObject": b64(made if isinstance(made, bytes) else cbor2.dumps(made))}}

    def get(self, options, client=None, rp_id=None, flags=PRESENT | VERIFIED, rest=b"", signature=None, handle=...):
        """What navigator.credentials.get() gives."""
        auth_data = self._auth_data(rp_id or options["rpId"], flags, rest)
        client_data = self.client_data("webauthn.get", options["challenge"], **(client or {}))
        signed = self.sign(auth_data + hashlib.sha256(client_data).digest())
        response = {"clientDataJSON": b64(client_data), "authenticatorData": b64(auth_data),
                    "signature": b64(signed if signature is None else signature),
                    "userHandle": self.handle if handle is ... else handle}
        return {"id": b64(self.id), "rawId": b64(self.id), "type": "public-key", "clientExtensionResults": {},
                "response": response}
