/** Ed25519 keys of parties in WebCrypto. A private key never leaves it, except where `generate` hands out its PEM once. */

import { type Bytes, concat, fromBase64, sha256, toBase64, toHex, utf8 } from "./bytes.js";
import { FormatError } from "./errors.js";
import { readPem, writeEncryptedPem, writePem } from "./pem.js";

const ED25519 = "Ed25519";
/** PKCS#8 of an Ed25519 key (RFC 8410) without its last 32 octets, the key itself. */
const PKCS8_HEAD = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);

/** What a key is for: a party's commands, or nothing but `recover_party`. */
export type Use = "signing" | "recovery";

export class SigningKey {
  private constructor(
    /** Not extractable: it signs, and a browser's database may hold it, but nothing reads it. */
    readonly secret: CryptoKey,
    /** 32 octets. */
    readonly publicKey: Bytes,
    /** As commands name it: the first 8 octets of H(public key), in hexadecimal. */
    readonly id: string,
  ) {}

  /**
   * A key file of `counterfoil keys new` or of openssl: PKCS#8 in PEM, with its passphrase where it is encrypted. Throws
   * `FormatError`.
   */
  static async fromPem(pem: string, passphrase?: string): Promise<SigningKey> {
    return SigningKey.fromPkcs8(await readPem(pem, passphrase));
  }

  /** `seed`: the private key, 32 octets. */
  static async fromSeed(seed: Uint8Array): Promise<SigningKey> {
    if (seed.length !== 32) throw new FormatError(`a private key has 32 octets, not ${seed.length}`);
    return SigningKey.fromPkcs8(concat(PKCS8_HEAD, seed));
  }

  /** A key that was kept: its secret, and its public key of 32 octets. */
  static async fromSecret(secret: CryptoKey, publicKey: Bytes): Promise<SigningKey> {
    return new SigningKey(secret, publicKey, await keyIdOf(publicKey));
  }

  /** A new key, and its PEM to be kept: encrypted, if there is a passphrase. */
  static async generate(passphrase?: string): Promise<{ key: SigningKey; pem: string }> {
    const der = concat(PKCS8_HEAD, crypto.getRandomValues(new Uint8Array(32)));
    const pem = passphrase === undefined ? writePem(der) : await writeEncryptedPem(der, passphrase);
    return { key: await SigningKey.fromPkcs8(der), pem };
  }

  private static async fromPkcs8(der: Bytes): Promise<SigningKey> {
    let readable: CryptoKey;
    try {
      readable = await crypto.subtle.importKey("pkcs8", der, ED25519, true, ["sign"]);
    } catch (cause) {
      throw new FormatError("not an Ed25519 private key in PKCS#8", { cause });
    }
    const { x = "" } = await crypto.subtle.exportKey("jwk", readable);
    const publicKey = fromBase64(`${x.replaceAll("-", "+").replaceAll("_", "/")}=`);
    const secret = await crypto.subtle.importKey("pkcs8", der, ED25519, false, ["sign"]);
    return new SigningKey(secret, publicKey, await keyIdOf(publicKey));
  }

  /** 64 octets. */
  async sign(message: Bytes): Promise<Bytes> {
    return new Uint8Array(await crypto.subtle.sign(ED25519, this.secret, message));
  }

  /** This key with the proof that `party` wants it registered at `host`: the `key` of register_party and add_key, v2. */
  async prove(host: string, party: string, use: Use = "signing"): Promise<{ public_key: string; proof: string }> {
    const proof = await this.sign(possession(host, party, this.publicKey, use));
    return { public_key: toBase64(this.publicKey), proof: toBase64(proof) };
  }
}

/** The octets that prove possession of a key: five lines, each with its line feed. */
export function possession(host: string, party: string, publicKey: Uint8Array, use: Use): Bytes {
  const lines = ["counterfoil.possession.v1", host, party, use, toBase64(publicKey)];
  return utf8(lines.map((line) => `${line}\n`).join(""));
}

export async function keyIdOf(publicKey: Uint8Array): Promise<string> {
  return toHex((await sha256(publicKey)).subarray(0, 8));
}

/** Whether `signature` over `message` is by `publicKey` (32 octets). */
export async function verifySignature(publicKey: Bytes, message: Bytes, signature: Bytes): Promise<boolean> {
  if (publicKey.length !== 32 || signature.length !== 64) return false;
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, ED25519, false, ["verify"]);
    return await crypto.subtle.verify(ED25519, key, signature, message);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === "NotSupportedError") throw cause;
    return false; // not a point of the curve
  }
}
