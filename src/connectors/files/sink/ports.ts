// What a file sink stands on: everything that can fail or differ, passed in.

import type { FileSystem } from '../../../runtime/file-system.js';
import type { Logger } from '../../../runtime/logger.js';
import type { Random } from '../../../runtime/random.js';
import type { FileSinkLayout } from './layout.js';

export interface FileSinkPorts {
  readonly layout: FileSinkLayout;
  readonly fileSystem: FileSystem;
  readonly random: Random;
  readonly logger: Logger;
}
