// A dataflow whose barriers go exactly where and when a test says.

import type { Barrier, BarrierPort, CutListener, Flow, OperatorSnapshot } from 'tidegate/extend';

export class ManualPort implements BarrierPort {
  readonly injected: { readonly barrier: Barrier; readonly listener: CutListener }[] = [];
  readonly cancelled: Barrier[] = [];
  readonly flows: Flow[] = [];
  suspendedCount = 0;
  /** What a test wants at each injection; by default nothing, as a barrier that never arrives. */
  onInject: (barrier: Barrier, listener: CutListener) => void = () => undefined;
  onResume: (flow: Flow) => void = () => undefined;

  inject(barrier: Barrier, listener: CutListener): void {
    this.injected.push({ barrier, listener });
    this.onInject(barrier, listener);
  }

  cancel(barrier: Barrier): void {
    this.cancelled.push(barrier);
  }

  async suspend(): Promise<void> {
    this.suspendedCount += 1;
  }

  resume(flow: Flow): void {
    this.flows.push(flow);
    this.onResume(flow);
  }

  /** Writers of the newest flow. */
  async write(records: readonly unknown[]): Promise<void> {
    for (const writer of this.flows.at(-1)?.sinks.values() ?? []) await writer.write(records);
  }
}

/** Reports everything of a cut at once. */
export function passEverything(
  barrier: Barrier,
  listener: CutListener,
  cut: { readonly next: number; readonly sinks: readonly string[]; readonly state?: Uint8Array },
): void {
  listener.sourceReached(barrier, 'numbers', { offsets: { next: String(cut.next) } });
  listener.operatorReached(barrier, 'sum', snapshotOf(cut.state ?? new Uint8Array([48])));
  for (const sink of cut.sinks) listener.sinkReached(barrier, sink);
}

export function snapshotOf(bytes: Uint8Array): OperatorSnapshot & { released: number } {
  return {
    released: 0,
    encode: () => bytes,
    release() {
      this.released += 1;
    },
  };
}
