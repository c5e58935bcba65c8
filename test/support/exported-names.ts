import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** All that a door exports: its values as they are loaded, its types as they are written. */
export function exportedNames(
  door: string,
  namespace: object,
): { values: string[]; types: string[] } {
  const path = fileURLToPath(new URL(`../../src/${door}.ts`, import.meta.url))
  // The names of a module are in the module itself.
  const program = ts.createProgram([path], { noLib: true, noResolve: true, types: [] })
  const source = program.getSourceFile(path)
  const checker = program.getTypeChecker()
  const module = source && checker.getSymbolAtLocation(source)
  if (module === undefined) throw new Error(`There is no door ${door}`)
  const names = checker.getExportsOfModule(module).map(({ name }) => name)
  return {
    values: Object.keys(namespace).toSorted(),
    types: names.filter((name) => !Object.hasOwn(namespace, name)).toSorted(),
  }
}
