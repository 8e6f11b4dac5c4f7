/** Server-sent events, as far as gateways send them. */

/** An event: its id and its data. */
export interface Sent {
  readonly id: string;
  readonly data: string;
}

/** The lines of a stream of octets, without their line ends. */
export async function* linesOf(stream: ReadableStream<Uint8Array>, read: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = "";
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      read();
      const lines = (rest + decoder.decode(part.value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** The events of lines; comments, which are heartbeats, and other fields are left out. */
export async function* eventsOf(lines: AsyncIterable<string>): AsyncGenerator<Sent> {
  let [id, data] = ["", ""];
  for await (const line of lines) {
    const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (line === "" && data !== "") {
      yield { id, data };
      data = "";
    } else if (name === "id") {
      id = value;
    } else if (name === "data") {
      data += value;
    }
  }
}
