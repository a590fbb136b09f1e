// Runs the tests that need S3, against servers that are started for them and killed by them:
//
//   npm run test:s3           versitygw (Go) and moto (Python), installed into the user's cache
//   TIDEGATE_S3_ENDPOINT=https://… TIDEGATE_S3_BUCKET=… AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… npm run test:s3
//                             one that is there; what kills servers is skipped
//
// What cannot be installed is named and skipped; with CI=true that is a failure.

import { spawn } from 'node:child_process';
import { ServerUnavailable } from '../test/connectors/s3/installs.ts';
import { S3Server } from '../test/connectors/s3/server.ts';

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const own = process.env.TIDEGATE_S3_ENDPOINT;
const servers = [];
let missing = 0;
if (own === undefined) for (const start of [S3Server.versitygw, S3Server.moto]) await add(start);
const services = own === undefined ? servers.map(({ service }) => service) : [ownService(own)];
process.env.TIDEGATE_S3_SERVERS = JSON.stringify(services);
const isRequired = process.env.CI === 'true';
process.exitCode = missing > 0 && isRequired ? 1 : 0;
if (services.length > 0 && process.exitCode === 0) process.exitCode = await runJest();
for (const server of servers) server.remove();

async function add(start) {
  try {
    servers.push(await start());
  } catch (error) {
    if (!(error instanceof ServerUnavailable)) throw error;
    missing += 1;
    console.log(
      `S3 tests ${process.env.CI === 'true' ? 'cannot run' : 'skipped'}: ${error.message}.`,
    );
  }
}

function ownService(endpoint) {
  const env = process.env;
  return {
    name: new URL(endpoint).host,
    endpoint,
    bucket: env.TIDEGATE_S3_BUCKET ?? 'tests',
    accessKeyId: env.AWS_ACCESS_KEY_ID ?? '',
    secretAccessKey: env.AWS_SECRET_ACCESS_KEY ?? '',
    region: env.AWS_REGION ?? 'us-east-1',
  };
}

function runJest() {
  const jest = ['node_modules/jest/bin/jest.js', '--config', 'jest.s3.config.js'];
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const child = spawn(process.execPath, [...node, ...jest, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
