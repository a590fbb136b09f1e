// A proxy before a PostgreSQL server: cuts a connection behind a chosen message of the server.

import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/**
 * Ends one connection as a server does that shuts down: its FATAL error comes in the same packet as
 * the ReadyForQuery before it, the first of which is the one that ends the login.
 */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #readyLeft = Number.POSITIVE_INFINITY;
  #isCut = false;
  #isStalling = false;
  #isStalled = false;
  #onStalled = (): void => undefined;

  private constructor(targetPort: number) {
    this.#server = createServer((near) => this.#join(near, targetPort));
  }

  static async before(targetPort: number): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(targetPort);
    await new Promise<void>((onListening) => {
      proxy.#server.listen(0, '127.0.0.1', onListening);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** Cuts behind the `count`-th ReadyForQuery from now on, over all connections; then no more. */
  cutBehind(count: number): void {
    this.#readyLeft = count;
    this.#isCut = false;
    this.#isStalling = false;
  }

  /** From the `count`-th ReadyForQuery on no byte of the server comes through, until `release`. */
  async stallBehind(count: number): Promise<void> {
    this.release();
    this.#readyLeft = count;
    this.#isStalling = true;
    await new Promise<void>((onStalled) => {
      this.#onStalled = onStalled;
    });
  }

  /** What was held back is lost. */
  release(): void {
    this.#isStalled = false;
    this.#isStalling = false;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((onClosed) => this.#server.close(onClosed));
  }

  #join(near: Socket, targetPort: number): void {
    const far = connect(targetPort, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
    }
    near.on('data', (bytes: Buffer) => far.write(bytes));
    let pending: Buffer = Buffer.alloc(0);
    far.on('data', (bytes: Buffer) => {
      if (this.#isStalled) return;
      pending = Buffer.concat([pending, bytes]);
      const { whole, readyEnd } = this.#measure(pending);
      if (readyEnd !== undefined && this.#isStalling) {
        this.#isStalled = true;
        this.#onStalled();
        return;
      }
      if (readyEnd !== undefined) {
        near.end(Buffer.concat([pending.subarray(0, readyEnd), fatal]));
        far.destroy();
        return;
      }
      near.write(pending.subarray(0, whole));
      pending = pending.subarray(whole);
    });
  }

  /** The end of the last whole message, and of the ReadyForQuery to cut behind. */
  #measure(bytes: Buffer): { readonly whole: number; readonly readyEnd: number | undefined } {
    let offset = 0;
    while (offset + 5 <= bytes.byteLength) {
      const end = offset + 1 + bytes.readUInt32BE(offset + 1);
      if (end > bytes.byteLength) break;
      const isReady = bytes.toString('latin1', offset, offset + 1) === 'Z';
      offset = end;
      if (!isReady) continue;
      this.#readyLeft -= 1;
      if (this.#readyLeft !== 0) continue;
      this.#isCut = !this.#isStalling;
      return { whole: offset, readyEnd: offset };
    }
    return { whole: offset, readyEnd: undefined };
  }
}

/** What a server says to a session that an administrator ends. */
export const fatal = message(
  'E',
  'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0',
);

function message(type: string, text: string): Buffer {
  const body = Buffer.from(text);
  const head = Buffer.alloc(5);
  head.write(type, 0, 'latin1');
  head.writeUInt32BE(4 + body.byteLength, 1);
  return Buffer.concat([head, body]);
}
