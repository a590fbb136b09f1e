// Known ways to break what all durable directories share: each lets another process or user in.

export const tests = ['test/durable-directory', 'test/store/owner'];

const fence = (what, find, replace) => ({
  what,
  file: 'src/durable-directory/fence.ts',
  find,
  replace,
});

const ownerWait = (what, find, replace) => ({
  what,
  file: 'src/store/filesystem/owner.ts',
  find,
  replace,
});

export const mutations = [
  fence(
    'a claim that is lost counts as won',
    "if (errnoOf(error) === 'EEXIST') return false;",
    "if (errnoOf(error) === 'EEXIST') return true;",
  ),
  fence(
    'a missing staging directory is no fence',
    "if (errnoOf(error) === 'ENOENT') throw fenced(error);",
    "if (errnoOf(error) === 'ENOTDIR') throw fenced(error);",
  ),
  fence(
    'only the newest of the older generations is gathered',
    "if (kind === 'directory') await gatherFrom(path);",
    "if (kind === 'directory' && place === staging) await gatherFrom(path);",
  ),
  {
    what: 'state is readable by every user',
    file: 'src/runtime/file-system-node.ts',
    find: "visibility === 'shared' ? 0o666 : 0o600",
    replace: "visibility === 'shared' ? 0o666 : 0o644",
  },
  {
    what: 'a directory that every user can write to is passed over',
    file: 'src/durable-directory/access.ts',
    find: 'return (mode & 0o002) !== 0;',
    replace: 'return (mode & 0o002) === 7;',
  },
  {
    what: 'a link in the place of a directory is followed',
    file: 'src/runtime/small-files.ts',
    find: "if (facts === undefined || facts.kind === 'directory') return;",
    replace: 'if (facts !== null) return;',
  },
  ownerWait(
    'a process that stands still counts by its heartbeats alone',
    "const isUnseen = liveness === 'unknown';",
    "const isUnseen = liveness !== 'gone';",
  ),
  ownerWait(
    'a process that runs and gives no heartbeat is overtaken',
    'if (isUnseen || isOfThisProcess(ports, owner)) {',
    'if (isUnseen || owner.heartbeatMs > 0) {',
  ),
  ownerWait(
    'an owner that cannot be seen is overtaken before its heartbeats are missed',
    'return isDead ?',
    'return isDead || heartbeatMs > 0 ?',
  ),
  ownerWait(
    'a recent heartbeat counts as one that came',
    "return seen?.file === file ? 'came' : 'unclear';",
    "return 'came';",
  ),
  ownerWait(
    'a machine that stood still counts as heartbeats that were missed',
    'seen.silentMs += pollIntervalMs;',
    'seen.silentMs = this.ports.clock.monotonicMs();',
  ),
];
