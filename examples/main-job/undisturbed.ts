// One run of the job in a process of its own that is not killed.

import { fork } from 'node:child_process';
import type { Message, Order, Point } from './messages.js';

export type Finished = Extract<Message, { kind: 'finished' }>;

/** @param points Is given every point that the run comes by. */
export function runUndisturbed(
  script: string,
  order: Order,
  points: Point[] = [],
): Promise<Finished> {
  const child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    let finished: Finished | undefined;
    child.on('message', (message: Message) => {
      if (message.kind === 'ready') child.send(order);
      if (message.kind === 'point') points.push(message.point);
      if (message.kind === 'finished') finished = message;
      if (message.kind === 'failed') reject(new Error(message.error));
    });
    child.on('exit', (code) => {
      if (finished !== undefined && code === 0) resolve(finished);
      else reject(new Error(`the undisturbed run ended with status ${code ?? 'unknown'}`));
    });
  });
}
