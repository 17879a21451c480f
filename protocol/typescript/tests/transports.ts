import type { Transport, TransportListener } from "@ai-sidecar/client";

/** What is looked at in a message. */
export interface Message {
  method?: string;
  params?: { seq?: number };
}

/** A transport whose lines a test may drop on their way to the client. */
export class Lossy implements Transport {
  readonly #real: Transport;
  readonly #drops: (message: Message) => boolean;

  /** @param drops says of a message whether it gets lost */
  constructor(real: Transport, drops: (message: Message) => boolean) {
    this.#real = real;
    this.#drops = drops;
  }

  start(listener: TransportListener): Promise<void> {
    return this.#real.start({
      onLine: (line) => this.#drops(JSON.parse(line)) || listener.onLine(line),
      onLost: (error) => listener.onLost(error),
      onBack: () => listener.onBack(),
      onClose: (error) => listener.onClose(error),
      onOddity: (error) => listener.onOddity(error),
    });
  }

  send(line: string): Promise<void> {
    return this.#real.send(line);
  }

  close(): Promise<void> {
    return this.#real.close();
  }
}

/** A sidecar that is played by the test, line by line. */
export class Played implements Transport {
  readonly sent: { id: string; method: string; params: Record<string, unknown> }[] = [];
  listener!: TransportListener;
  closed = false;
  /** The version that `initialize` is answered with. */
  version = "1.0";

  async start(listener: TransportListener): Promise<void> {
    this.listener = listener;
  }

  async send(line: string): Promise<void> {
    const message = JSON.parse(line);
    this.sent.push(message);
    if (message.method === "initialize") {
      this.say({ id: message.id, result: { protocol_version: this.version } });
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Send a message to the client. */
  say(message: object): void {
    this.listener.onLine(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }
}
