// What the open sinks of this process take together: connections of one pool, places for prepared transactions.

import { TidegateError } from '../../errors.js';
import { lockKeyOf, type PostgresOwner } from './names.js';

export interface SinkNeeds {
  /** Connections that it can hold while it waits for another one. */
  readonly heldConnections: number;
  /** Transactions that it can have prepared at a time. */
  readonly maxPrepared: number;
}

interface Seat extends SinkNeeds {
  readonly sink: string;
}

type Seats = Map<string, Seat>;

/** By pool, and by server and pipeline. Empty entries are removed. */
const rooms = new Map<unknown, Seats>();

/**
 * Takes a seat for a sink in `room`; a newer generation of the sink takes over the seat of an older
 * one, which may never have been closed.
 *
 * @returns Gives the seat back.
 */
function takeSeat(room: unknown, owner: PostgresOwner, needs: SinkNeeds): () => void {
  const seats: Seats = rooms.get(room) ?? new Map<string, Seat>();
  rooms.set(room, seats);
  const key = lockKeyOf(owner);
  const seat = { ...needs, sink: owner.sink };
  seats.set(key, seat);
  return () => {
    if (seats.get(key) !== seat) return;
    seats.delete(key);
    if (seats.size === 0 && rooms.get(room) === seats) rooms.delete(room);
  };
}

function sum(seats: Seats, of: keyof SinkNeeds): number {
  return [...seats.values()].reduce((total, seat) => total + seat[of], 0);
}

const maxNames = 8;

/** Each sink and what it takes, so that the sum in a refusal can be followed. */
function partsOf(seats: Seats, of: keyof SinkNeeds): string {
  const names = [...seats.values()].map((seat) => `${seat.sink} ${seat[of]}`);
  const more = names.length - maxNames;
  return names.slice(0, maxNames).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/**
 * Counts a sink to its pool. Every connection that is held could wait for one more, so that one is
 * needed beyond all of them.
 *
 * @throws TidegateError `TIDEGATE_POSTGRES_OPTIONS` for a pool in which the sinks would wait for each
 * other without end.
 */
export function enterPool(
  pool: { readonly options?: { readonly max?: number } } | undefined,
  owner: PostgresOwner,
  needs: SinkNeeds,
): () => void {
  const max = pool?.options?.max;
  if (pool === undefined || typeof max !== 'number') return () => undefined;
  const leave = takeSeat(pool, owner, needs);
  const seats = rooms.get(pool) ?? new Map<string, Seat>();
  const needed = sum(seats, 'heldConnections') + 1;
  if (needed <= max) return leave;
  const message =
    `the pool of sink ${owner.sink} has room for ${max} connections (max), and the sinks open on it ` +
    `(${partsOf(seats, 'heldConnections')}, and 1 to spare) need ${needed}: give new Pool({ max: ${Math.max(needed, 5)} }) or ` +
    'more, or a pool of its own';
  leave();
  throw new TidegateError('TIDEGATE_POSTGRES_OPTIONS', message, { details: { max, needed } });
}

/** @throws TidegateError `TIDEGATE_POSTGRES_PREPARED_OFF` where they could not all be prepared. */
export function enterServer(
  server: { readonly identity: unknown; readonly maxPrepared: number },
  owner: PostgresOwner,
  needs: SinkNeeds,
): () => void {
  if (needs.maxPrepared === 0) return () => undefined;
  const { identity } = server;
  // Of one pipeline: one that ended without closing its sinks has nothing more to prepare.
  const room =
    typeof identity === 'string'
      ? JSON.stringify([identity, owner.schema, owner.pipeline])
      : identity;
  const leave = takeSeat(room, owner, needs);
  const seats = rooms.get(room) ?? new Map<string, Seat>();
  const needed = sum(seats, 'maxPrepared');
  if (needed <= server.maxPrepared) return leave;
  const message =
    `max_prepared_transactions is ${server.maxPrepared}, and the durable sinks open on this server ` +
    `(${partsOf(seats, 'maxPrepared')}) need ${needed}: run ALTER SYSTEM SET max_prepared_transactions = ` +
    `${Math.max(64, needed * 2)} and restart the server, or give fewer sinks the durability durable`;
  leave();
  throw new TidegateError('TIDEGATE_POSTGRES_PREPARED_OFF', message, { details: { needed } });
}
