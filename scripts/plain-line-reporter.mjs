// A jest reporter whose last line is `N passed, N failed`, so that a machine can read the outcome.

export default class PlainLineReporter {
  onRunComplete(_contexts, results) {
    // A suite that did not even load has no tests to count: it is one failure.
    const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
    const notRun = results.numPendingTests + results.numTodoTests;
    const skipped = notRun > 0 ? `, ${notRun} skipped` : '';
    // After jest's own summary, which it writes when this method has returned.
    process.once('exit', () => {
      process.stdout.write(`${results.numPassedTests} passed, ${failed} failed${skipped}\n`);
    });
  }
}
