// Mutants that no test can notice, and why: each was looked at.
//
// A mutant is named by what it does to the text: `original → replacement`, white space as one
// space. One name stands for every such mutant in its file.

/** @type {readonly { file: string, why: string, mutants: readonly string[] }[]} */
export const explained = [];
