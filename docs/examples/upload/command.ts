import type { Command } from '../server/command-line.ts'

/** `name` as in `npm run upload:name`. */
export function commandOf(name: string): Command {
  return {
    title: 'the upload example',
    run: `npm run upload:${name}`,
    about:
      'Serves a page that uploads files. Each is answered with 202, and compressed after that.',
    once: 'uploads a sample, prints what happens, and ends',
  }
}
