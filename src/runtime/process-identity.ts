// Which process this is and whether another one still runs: what the advisory check between owners rests on.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * Names one process for good. A pid alone does not: pids are used
 * again, and in containers every first process is 1.
 */
export interface ProcessIdentity {
  readonly host: string;
  /** Changes with every start of the machine; empty where the system does not say. */
  readonly bootId: string;
  /** Pids are comparable only within one; empty where the system does not say. */
  readonly pidNamespace: string;
  readonly pid: number;
  /** Start of the process in the system's own units; empty where the system does not say. */
  readonly startedAt: string;
}

/**
 * `running` and `gone` are proved; `unknown` is a process that cannot be seen from here (another
 * host, another container) or a system that does not say enough.
 */
export type ProcessLiveness = 'running' | 'gone' | 'unknown';

/** The processes of this machine. Tests and the simulation give their own. */
export interface Processes {
  self(): ProcessIdentity;
  livenessOf(identity: ProcessIdentity): ProcessLiveness;
}

export const systemProcesses: Processes = {
  self: () => identityOf(process.pid),
  livenessOf(identity) {
    return judgeLiveness(identity, identityOf(process.pid), startOf(identity.pid));
  },
};

/**
 * Decides from facts whether a process still runs.
 *
 * @param startedAtNow Start of the process that has this pid here and now; undefined without one.
 */
export function judgeLiveness(
  identity: ProcessIdentity,
  self: ProcessIdentity,
  startedAtNow: string | undefined,
): ProcessLiveness {
  if (identity.bootId === '' || identity.pidNamespace === '' || identity.startedAt === '') {
    return 'unknown';
  }
  if (identity.host !== self.host) return 'unknown';
  if (identity.bootId !== self.bootId) return 'gone';
  if (identity.pidNamespace !== self.pidNamespace) return 'unknown';
  return startedAtNow === identity.startedAt ? 'running' : 'gone';
}

/** What an identity was saved as; undefined for anything else: a torn file is the trace of a crash. */
export function parseProcessIdentity(
  value: Readonly<Record<string, unknown>> | undefined,
): ProcessIdentity | undefined {
  const { host, bootId, pidNamespace, pid, startedAt } = value ?? {};
  if (typeof host !== 'string' || typeof bootId !== 'string') return undefined;
  if (typeof pidNamespace !== 'string' || typeof startedAt !== 'string') return undefined;
  return typeof pid === 'number' ? { host, bootId, pidNamespace, pid, startedAt } : undefined;
}

export function isSameProcess(one: ProcessIdentity, other: ProcessIdentity): boolean {
  return (
    one.pid === other.pid &&
    one.host === other.host &&
    one.bootId === other.bootId &&
    one.pidNamespace === other.pidNamespace &&
    one.startedAt === other.startedAt
  );
}

function identityOf(pid: number): ProcessIdentity {
  return {
    host: hostname(),
    bootId: read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()) ?? '',
    pidNamespace: read(() => readlinkSync('/proc/self/ns/pid')) ?? '',
    pid,
    startedAt: startOf(pid) ?? '',
  };
}

/** The 22nd field of `/proc/<pid>/stat`: clock ticks from the start of the machine (proc(5)). */
function startOf(pid: number): string | undefined {
  if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // The second field is the command in parentheses and may itself hold spaces and parentheses.
  const [state, ...fields] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  // A zombie has ended; only its parent has not asked yet.
  return state === 'Z' || state === 'X' ? undefined : fields[18];
}

function read(attempt: () => string): string | undefined {
  try {
    return attempt();
  } catch {
    return undefined;
  }
}
