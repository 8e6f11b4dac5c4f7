/** A fresh command id: UUID version 7 (RFC 9562), so that ids rise with time and never collide. */
export function newCommandId(now: number = Date.now()): string {
  const octets = crypto.getRandomValues(new Uint8Array(16));
  new DataView(octets.buffer).setUint32(0, Math.floor(now / 0x1_0000));
  new DataView(octets.buffer).setUint16(4, now % 0x1_0000);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x70;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
