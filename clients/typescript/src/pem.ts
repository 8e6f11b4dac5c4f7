/** PKCS#8 private keys in PEM (RFC 7468), plain or encrypted with a passphrase (RFC 8018: PBES2, PBKDF2, AES-256-CBC). */

import { type Bytes, fromBase64, fromHex, toBase64, toHex, utf8 } from "./bytes.js";
import { encoded, INTEGER, NULL, OBJECT, OCTETS, SEQUENCE, valuesIn } from "./der.js";
import { FormatError } from "./errors.js";

const BLOCK = /^\s*-----BEGIN ((?:ENCRYPTED )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]+)-----END \1-----\s*$/;
const EXPECTED = "an Ed25519 private key, PKCS#8 in PEM, is expected";
const PBES2 = "2a864886f70d01050d";
const PBKDF2 = "2a864886f70d01050c";
const HMAC_SHA256 = "2a864886f70d0209";
const AES_256_CBC = "60864801650304012a";
/** Of new files. */
const ROUNDS = 600_000;
/** So that a file cannot keep its reader busy for minutes. */
const ROUNDS_MAX = 10_000_000;

/** The PKCS#8 octets in a PEM file. Throws `FormatError`, also without the passphrase that the file needs. */
export async function readPem(pem: string, passphrase?: string): Promise<Bytes> {
  const [, label, block] = BLOCK.exec(pem) ?? [];
  if (block === undefined) throw new FormatError(EXPECTED);
  const der = fromBase64(block.replace(/\s/g, ""));
  if (label === "PRIVATE KEY") return der;
  if (passphrase === undefined) throw new FormatError("the key is encrypted: give its passphrase");
  return decrypt(der, passphrase);
}

/** PKCS#8 octets, at most 48 of them, as a PEM file that is not encrypted. */
export function writePem(der: Uint8Array): string {
  return `-----BEGIN PRIVATE KEY-----\n${toBase64(der)}\n-----END PRIVATE KEY-----\n`;
}

/** The same encrypted with a passphrase, as openssl and `counterfoil keys` read it. */
export async function writeEncryptedPem(der: Bytes, passphrase: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(16));
  const key = await keyOf(passphrase, salt, ROUNDS, "encrypt");
  const data = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-CBC", iv }, key, der));
  const object = (hex: string) => encoded(OBJECT, fromHex(hex));
  const rounds = encoded(INTEGER, fromHex(ROUNDS.toString(16).padStart(6, "0")));
  const hash = encoded(SEQUENCE, object(HMAC_SHA256), encoded(NULL));
  const derivation = encoded(SEQUENCE, object(PBKDF2), encoded(SEQUENCE, encoded(OCTETS, salt), rounds, hash));
  const cipher = encoded(SEQUENCE, object(AES_256_CBC), encoded(OCTETS, iv));
  const scheme = encoded(SEQUENCE, object(PBES2), encoded(SEQUENCE, derivation, cipher));
  const lines = toBase64(encoded(SEQUENCE, scheme, encoded(OCTETS, data))).replace(/.{64}/g, "$&\n");
  return `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${lines}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
}

function keyOf(passphrase: string, salt: Bytes, rounds: number, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  const derivation = { name: "PBKDF2", hash: "SHA-256", salt, iterations: rounds };
  return crypto.subtle
    .importKey("raw", utf8(passphrase), "PBKDF2", false, ["deriveKey"])
    .then((phrase) => crypto.subtle.deriveKey(derivation, phrase, { name: "AES-CBC", length: 256 }, false, [use]));
}

async function decrypt(der: Bytes, passphrase: string): Promise<Bytes> {
  const { salt, rounds, iv, data } = encryptionOf(der);
  const key = await keyOf(passphrase, salt, rounds, "decrypt");
  try {
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-CBC", iv }, key, data));
  } catch (cause) {
    throw new FormatError("the passphrase does not open the key", { cause });
  }
}

function encryptionOf(der: Bytes): { salt: Bytes; rounds: number; iv: Bytes; data: Bytes } {
  const [scheme, data] = valuesIn(valuesIn(der, SEQUENCE)[0], SEQUENCE, OCTETS);
  const [pbes2, parameters] = valuesIn(scheme, OBJECT, SEQUENCE);
  const [derivation, cipher] = valuesIn(parameters, SEQUENCE, SEQUENCE);
  const [pbkdf2, settings] = valuesIn(derivation, OBJECT, SEQUENCE);
  const [salt, count, ...more] = valuesIn(settings, OCTETS, INTEGER);
  const [aes, iv] = valuesIn(cipher, OBJECT, OCTETS);
  const hash = toHex(valuesIn(more.at(-1) ?? new Uint8Array(), OBJECT)[0]); // behind the length, which may be left out
  const rounds = Number.parseInt(toHex(count), 16);
  const known =
    toHex(pbes2) === PBES2 && toHex(pbkdf2) === PBKDF2 && toHex(aes) === AES_256_CBC && hash === HMAC_SHA256;
  if (!known || iv.length !== 16) throw new FormatError("the key is encrypted in a way that is not supported");
  if (!(rounds >= 1 && rounds <= ROUNDS_MAX)) throw new FormatError(`${rounds} rounds are too many`);
  return { salt, rounds, iv, data };
}
