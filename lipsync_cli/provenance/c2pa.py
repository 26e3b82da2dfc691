"""Content credentials (C2PA): a signed statement in the film that it is synthetic, made by C2PA's own library."""

from __future__ import annotations

import datetime
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync_cli import __version__
from lipsync_cli.errors import InputError, ToolError
from lipsync_cli.runtime.json_values import parse_json
from lipsync_cli.runtime.run_inputs import read_input

SUFFIXES = (".mp4", ".mov", ".m4v")
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
SELF_MADE = "lipsync self-made"  # organisation in a certificate that nobody vouches for
HINT = "pip install 'lipsync-cli[c2pa]'"


@dataclass(frozen=True)
class Identity:
    """Who signs: a certificate chain and its private key, both PEM; the algorithm by C2PA's name, such as es256."""

    chain: bytes
    key: bytes
    algorithm: str


def check_installed() -> None:
    """Raise ToolError if the library is not installed."""
    if importlib.util.find_spec("c2pa") is None or importlib.util.find_spec("cryptography") is None:
        raise ToolError("content credentials need the package c2pa-python", hint=HINT)


def read_identity(certificate: Path, key: Path) -> Identity:
    """Read the user's certificate chain, leaf first, and private key; InputError if they are none or do not fit."""
    check_installed()
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        chain = read_input(Path(certificate))
        leaf = x509.load_pem_x509_certificates(chain)[0]
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", certificate) from error
    except (ValueError, IndexError) as error:
        raise InputError("is no certificate in PEM", certificate) from error
    try:
        pem = read_input(Path(key))
        private = load_pem_private_key(pem, None)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", key) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError("is no private key in PEM without a password", key) from error
    if leaf.public_key() != private.public_key():
        raise InputError("is not the key of the certificate", key, f"give the key of {certificate}")
    if isinstance(private, ec.EllipticCurvePrivateKey):
        algorithm = {256: "es256", 384: "es384", 521: "es512"}.get(private.curve.key_size)
    elif isinstance(private, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    else:
        algorithm = "ps256" if isinstance(private, rsa.RSAPrivateKey) else None
    if algorithm is None:
        raise InputError("is a key of a kind that C2PA does not know", key, "give an EC, Ed25519 or RSA key")
    return Identity(chain, pem, algorithm)


def make_identity() -> Identity:
    """Make a certificate of our own and a key that is forgotten after use.

    What it signs shows that the film has not been changed since; nobody vouches for who made it.
    """
    check_installed()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [
        x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, SELF_MADE),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
        for name in ("root", "signer")
    ]
    now = datetime.datetime.now(datetime.timezone.utc)
    pem = []
    for index in (1, 0):
        is_root = index == 0
        usage = dict.fromkeys(
            (
                "content_commitment",
                "key_encipherment",
                "data_encipherment",
                "key_agreement",
                "encipher_only",
                "decipher_only",
            ),
            False,
        )
        builder = (
            x509.CertificateBuilder()
            .subject_name(names[index])
            .issuer_name(names[0])
            .public_key(keys[index].public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not is_root, key_cert_sign=is_root, crl_sign=is_root, **usage),
                critical=True,
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(keys[index].public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not is_root:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        pem.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(Encoding.PEM))
    key = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return Identity(b"".join(pem), key, "es256")


def sign(film: Path, output: Path, title: str, identity: Identity) -> None:
    """Write a copy of a film with a signed statement that it is synthetic.

    Raises
    ------
    ToolError : the library is not installed
    InputError : the certificate is none that C2PA accepts, or the output cannot be written
    """
    check_installed()
    import c2pa

    action = {"action": "c2pa.created", "digitalSourceType": SOURCE_TYPE}
    manifest = {
        "claim_generator_info": [{"name": "lipsync", "version": __version__}],
        "title": title,
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [action]}}],
    }
    try:
        info = c2pa.C2paSignerInfo(identity.algorithm.encode(), identity.chain, identity.key, None)
        with c2pa.Signer.from_info(info) as signer, c2pa.Builder(json.dumps(manifest)) as builder:
            builder.sign_file(film, output, signer)
    except c2pa.C2paError as error:
        raise InputError(f"cannot be signed ({error})", title, "check the certificate and its key") from error


def read_credentials(path: str | Path) -> dict[str, Any]:
    """Verify the content credentials of a film.

    Returns
    -------
    `found` (None where the library is missing), and where it is True `intact` (signature and content agree),
    `synthetic` (the statement says so), `signer`, `trusted` (somebody on the library's list vouches for the signer)
    """
    if importlib.util.find_spec("c2pa") is None:
        return {"found": None, "fact": f"not looked for; {HINT}"}
    import c2pa

    try:
        reader = c2pa.Reader.try_create(str(path))
    except c2pa.C2paError as error:
        return {"found": False, "fact": str(error)}
    if reader is None:
        return {"found": False}
    with reader:
        try:
            return _describe_manifest(reader)
        except (AttributeError, InputError, RecursionError, TypeError, ValueError, c2pa.C2paError) as error:
            return {"found": None, "fact": f"there is one, but it cannot be read ({type(error).__name__})"}


def _describe_manifest(reader: Any) -> dict[str, Any]:
    manifest = reader.get_active_manifest() or {}
    status = parse_json(reader.json()).get("validation_status", [])
    failures = {one.get("code", "") for one in status}
    actions = [
        action
        for assertion in manifest.get("assertions", [])
        if str(assertion.get("label", "")).startswith("c2pa.actions")
        for action in assertion.get("data", {}).get("actions", [])
    ]
    return {
        "found": True,
        "intact": not failures - {"signingCredential.untrusted"},
        "synthetic": any("rainedAlgorithmicMedia" in str(action.get("digitalSourceType")) for action in actions),
        "signer": manifest.get("signature_info", {}).get("issuer"),
        "trusted": not failures,
    }
