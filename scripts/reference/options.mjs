// Every option with what its comment says, from the interfaces of the code.

import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { markdownTable } from './markdown.mjs';

/** Headings of the page, and the interfaces under them. */
const sections = [
  {
    heading: 'Checkpoints: `checkpoint` of a run or a coordinator',
    interfaces: [
      ['src/coordinator/options/checkpoint-options.ts', 'CheckpointOptions'],
      ['src/recovery/request.ts', 'RecoveryOptions'],
    ],
  },
  {
    heading: '`timeouts` of `checkpoint`',
    interfaces: [
      ['src/coordinator/options/checkpoint-options.ts', 'StepTimeouts'],
      ['src/recovery/request.ts', 'RecoveryTimeouts'],
    ],
  },
  {
    heading: '`pipeline.run(…)`, `pipeline.prepare(…)`',
    interfaces: [['src/pipeline/prepared-run.ts', 'RunOptions']],
  },
  {
    heading: '`new CheckpointCoordinator(…)`',
    interfaces: [['src/coordinator/options/coordinator-options.ts', 'CoordinatorOptions']],
  },
  { heading: '`restoreFrom`', interfaces: [['src/recovery/request.ts', 'RestoreChoice']] },
  {
    heading: '`new Pipeline(name, …)`',
    interfaces: [['src/pipeline/options.ts', 'PipelineOptions']],
  },
  {
    heading: '`pipeline.source(name, source, …)`',
    interfaces: [['src/pipeline/options.ts', 'SourceOptions']],
  },
  {
    heading: '`eventTime` of a source',
    interfaces: [['src/pipeline/flow/event-time.ts', 'EventTimeOptions']],
  },
  {
    heading: '`map`, `filter`, `flatMap`',
    interfaces: [['src/pipeline/options.ts', 'OperatorOptions']],
  },
  {
    heading: 'Operators with state',
    interfaces: [['src/pipeline/options.ts', 'StatefulOptions']],
  },
  {
    heading: '`new FileSystemCheckpointStore(directory, …)`',
    interfaces: [['src/store/filesystem/file-system-store.ts', 'FileSystemCheckpointStoreOptions']],
  },
  {
    heading: '`new ObjectCheckpointStore(…)`',
    interfaces: [['src/store/object/object-store.ts', 'ObjectCheckpointStoreOptions']],
  },
  {
    heading: '`timeouts` of an object store',
    interfaces: [['src/store/object/storage-calls.ts', 'ObjectStoreTimeouts']],
  },
  {
    heading: '`fileSink(…)`',
    interfaces: [['src/connectors/files/sink/sink.ts', 'FileSinkOptions']],
  },
  {
    heading: '`jsonLinesSource(path, …)`, `csvSource(path, …)`',
    interfaces: [['src/connectors/files/source/source.ts', 'FileSourceOptions']],
  },
  {
    heading: '`csvSource(path, …)` alone',
    interfaces: [['src/connectors/files/source/csv-source.ts', 'CsvSourceOptions']],
  },
  {
    heading: '`postgresSink(…)`, `postgresUpsertSink(…)`: besides `pool` or `database`',
    interfaces: [
      ['src/connectors/postgres/table.ts', 'TableOptions'],
      ['src/connectors/postgres/sink.ts', 'SharedOptions'],
      ['src/connectors/postgres/sink-context.ts', 'SinkLimits'],
    ],
  },
  {
    heading: '`new PgliteDatabase(…)`',
    interfaces: [['src/connectors/pglite/database.ts', 'PgliteDatabaseOptions']],
  },
  {
    heading: '`httpSink(…)`',
    interfaces: [['src/connectors/http/options.ts', 'HttpSinkOptions']],
  },
  {
    heading: '`writeAhead(sink, …)`',
    interfaces: [['src/connectors/write-ahead/sink.ts', 'WriteAheadOptions']],
  },
  {
    heading: '`iterableSource(…)`',
    interfaces: [['src/connectors/memory/iterable-source.ts', 'IterableSourceOptions']],
  },
  {
    heading: '`consoleSink(…)`',
    interfaces: [['src/connectors/memory/console-sink.ts', 'ConsoleSinkOptions']],
  },
];

/** Said once, above the tables: what tests replace. */
const ports = ['clock', 'random', 'logger', 'fileSystem', 'processes', 'fetch', 'recover'];

export async function optionTables() {
  return sections.map(({ heading, interfaces }) => sectionOf(heading, interfaces)).join('\n\n');
}

function sectionOf(heading, interfaces) {
  const members = interfaces.flatMap(([file, name]) => membersOf(file, name));
  // An interface repeats what it narrows of another one.
  const rows = members.filter(
    ([name], index) => members.findIndex(([one]) => one === name) === index,
  );
  const silent = rows.filter(([, , said]) => said === '').map(([name]) => name);
  if (silent.length > 0) throw new Error(`${heading}: nothing is said about ${silent.join(', ')}`);
  return `## ${heading}\n\n${markdownTable(['option', 'type', ''], rows)}`;
}

function membersOf(file, name) {
  const source = ts.createSourceFile(
    file,
    readFileSync(file, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const declared = source.statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (declared === undefined) throw new Error(`${file} has no interface ${name}`);
  return declared.members
    .filter((member) => !ports.includes(member.name.getText(source)))
    .map((member) => [
      `\`${member.name.getText(source)}\`${member.questionToken ? '' : required(name)}`,
      `\`${typeText(member, source)}\``,
      commentOf(member),
    ]);
}

/** Settings are given as a part of all of them. */
function required(name) {
  const areAllOptional = [
    ...['CheckpointOptions', 'RecoveryOptions', 'StepTimeouts', 'RecoveryTimeouts', 'SinkLimits'],
  ].includes(name);
  return areAllOptional ? '' : ' (required)';
}

function typeText(member, source) {
  const text = (member.type ?? member).getText(source).replaceAll(/\s+/g, ' ');
  return text.replace(/^\| /, '').replaceAll('readonly ', '').replace(' | undefined', '');
}

function commentOf(member) {
  const [comment] = ts.getJSDocCommentsAndTags(member);
  if (comment === undefined) return '';
  return (ts.getTextOfJSDocComment(comment.comment) ?? '').replaceAll(/\s+/g, ' ').trim();
}
