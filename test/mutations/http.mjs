// Known ways to break the HTTP sink: records that no server has are counted as sent, or a secret is shown.

export const tests = ['test/connectors/http-sink'];

const http = (what, file, find, replace) => ({
  what,
  file: `src/connectors/http/${file}`,
  find,
  replace,
});

export const mutations = [
  http(
    'an answer that accept refuses is a yes',
    'answer.ts',
    "return { kind: 'refused', problem: `${said} refuse` };",
    "return { kind: 'accepted' };",
  ),
  http(
    'an answer of which accept says nothing is a yes',
    'answer.ts',
    'return { kind: \'refused\', problem: `${said} neither "accept", "retry" nor "refuse"` };',
    "return { kind: 'accepted' };",
  ),
  http(
    'a redirect is a yes',
    'answer.ts',
    "if (isRedirect || response.type === 'opaqueredirect' || response.redirected) {",
    'if (isRedirect && status < 300) {',
  ),
  http(
    'a body that is no text is sent as fetch likes',
    'request.ts',
    "if (typeof body !== 'string' && !isBytes) {",
    "if (typeof body === 'bigint') {",
  ),
  http(
    'a promise is sent as the name of its class',
    'request.ts',
    'if (isPromise(body)) {',
    'if (isPromise(body) && body === undefined) {',
  ),
  http(
    'a body of nothing is sent',
    'request.ts',
    "if (given.length === 0) throw refusedBody(which, 'nothing');",
    '',
  ),
  http(
    'the path of the address is in the error',
    'sink.ts',
    '`${what} to ${target.origin}: ${problem}`',
    '`${what} to ${target.origin}${target.pathname}: ${problem}`',
  ),
  http(
    'the cause is shown as fetch made it',
    'sink.ts',
    'cause: redacted(cause, secrets),',
    'cause: secrets.length < 0 ? redacted(cause, secrets) : cause,',
  ),
];
