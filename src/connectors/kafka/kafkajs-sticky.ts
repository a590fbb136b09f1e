// A partition assigner for kafkajs that leaves partitions where they are, as far as the load allows.
//
// kafkajs' own deals all partitions out anew at each rebalance, so that most of them move when a member
// joins or leaves. Members say what they have in the metadata with which they join.

import type { KafkaJsCluster } from './kafkajs-client.js';

/** What kafkajs calls, in the member that leads the group and in each one that joins. */
export interface KafkaJsAssigner {
  readonly name: string;
  readonly version: number;
  protocol(subscription: { readonly topics: readonly string[] }): {
    readonly name: string;
    readonly metadata: Buffer;
  };
  assign(group: {
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
    readonly topics: readonly string[];
  }): Promise<readonly { readonly memberId: string; readonly memberAssignment: Buffer }[]>;
}

const name = 'tidegate-sticky';
const version = 0;

/**
 * For a group of one topic.
 *
 * @param held The partitions of this member, when it joins again.
 */
export function stickyAssigner(
  topic: string,
  held: () => readonly number[],
): (config: { readonly cluster: KafkaJsCluster }) => KafkaJsAssigner {
  return ({ cluster }) => ({
    name,
    version,
    protocol: () => ({
      name,
      metadata: Buffer.concat([
        int16(version),
        list([topic], text),
        bytes(Buffer.from(JSON.stringify(held()))),
      ]),
    }),
    assign: ({ members }) => {
      const partitions = cluster.findTopicPartitionMetadata(topic).map((one) => one.partitionId);
      const before = new Map(
        members.map(({ memberId, memberMetadata }) => [memberId, heldIn(memberMetadata)]),
      );
      const assigned = [...stick(partitions, before)].map(([memberId, its]) => ({
        memberId,
        memberAssignment: Buffer.concat([
          int16(version),
          list([its], (one) => Buffer.concat([text(topic), list(one, int32)])),
          bytes(Buffer.alloc(0)),
        ]),
      }));
      return Promise.resolve(assigned);
    },
  });
}

/** Everyone has as many as the others, or one more; what a member had it keeps, up to that. */
export function stick(
  partitions: readonly number[],
  before: ReadonlyMap<string, readonly number[]>,
): ReadonlyMap<string, readonly number[]> {
  const free = new Set([...partitions].sort((one, other) => one - other));
  const members = [...before.keys()].sort();
  const kept = new Map<string, number[]>();
  for (const member of members) {
    // One that comes back from a standstill may claim what another has by now: one of them has it.
    const its = (before.get(member) ?? []).filter((partition) => free.delete(partition));
    kept.set(member, its);
  }
  // Those that have most get the odd ones: fewer move.
  members.sort((one, other) => (kept.get(other)?.length ?? 0) - (kept.get(one)?.length ?? 0));
  const share = Math.floor(partitions.length / Math.max(members.length, 1));
  const odd = partitions.length - share * members.length;
  const roomOf = (member: string): number => share + (members.indexOf(member) < odd ? 1 : 0);
  for (const [member, its] of kept) {
    for (const partition of its.splice(roomOf(member))) free.add(partition);
  }
  const waiting = [...free].sort((one, other) => one - other);
  for (const member of members) {
    const its = kept.get(member) ?? [];
    its.push(...waiting.splice(0, roomOf(member) - its.length));
  }
  return kept;
}

/** Nothing for metadata that another program wrote. */
function heldIn(metadata: Buffer): readonly number[] {
  try {
    let at = 2;
    const count = metadata.readInt32BE(at);
    at += 4;
    for (let topic = 0; topic < count; topic += 1) at += 2 + metadata.readInt16BE(at);
    const length = metadata.readInt32BE(at);
    const held: unknown = JSON.parse(metadata.toString('utf8', at + 4, at + 4 + length));
    return Array.isArray(held)
      ? held.filter((one): one is number => Number.isSafeInteger(one))
      : [];
  } catch {
    return [];
  }
}

function int16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
}

function int32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
}

function text(value: string): Buffer {
  const encoded = Buffer.from(value);
  return Buffer.concat([int16(encoded.length), encoded]);
}

function bytes(value: Buffer): Buffer {
  return Buffer.concat([int32(value.length), value]);
}

function list<Value>(values: readonly Value[], encode: (value: Value) => Buffer): Buffer {
  return Buffer.concat([int32(values.length), ...values.map(encode)]);
}
