/** What is watched could not be written; told even where the program is ending anyway. */
export class OutputError extends Error {}
