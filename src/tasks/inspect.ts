/** The method that `console.log` calls, on Node.js, Bun and Deno. */
export const inspect: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/** What it passes after the depth. */
export type ShowRest = [options: object, show: (value: object, options: object) => string]

/** What `console.log` shows of an object: what its user knows of it, and nothing internal. */
export function shown(task: object, properties: object, ...[options, show]: ShowRest): string {
  return `${task.constructor.name} ${show(properties, options)}`
}
