/** The site as `npm run docs` builds it. */
import { execFile } from 'node:child_process'
import { glob, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { inflateSync } from 'node:zlib'
import lunr from 'lunr'
import { beforeAll, describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }

const root = fileURLToPath(new URL('../../', import.meta.url))
const site = join(root, 'coverage/docs')

interface Entry {
  readonly text: string
  readonly path?: string
  readonly children?: readonly Entry[]
}

/** The HTML of each page, by its path in the site. */
const pages = new Map<string, string>()
let navigation: readonly Entry[] = []

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['docs/site/serve.ts', '--once'], { cwd: root })
  for await (const path of glob('**/*.html', { cwd: site })) {
    pages.set(path.replaceAll('\\', '/'), await readFile(join(site, path), 'utf8'))
  }
  navigation = await readAsset<readonly Entry[]>('navigation.js')
}, 120_000)

describe('The site', () => {
  it('has no link that leads nowhere', async () => {
    const broken: string[] = []
    for (const [path, html] of pages) {
      for (const [, href = ''] of html.matchAll(/<a\b[^>]*\bhref="([^"]*)"/g)) {
        if (/^[a-z]+:/.test(href) || (await isThere(path, href))) continue
        broken.push(`${path}: ${href}`)
      }
    }
    expect(broken).toEqual([])
  })

  it('has no link to a file of Markdown, which a browser would not show', () => {
    const left = [...pages].flatMap(([path, html]) =>
      [...html.matchAll(/href="([^":]*\.md(?:#[^"]*)?)"/g)].map(([, href]) => `${path}: ${href}`),
    )
    expect(left).toEqual([])
  })

  it('keeps inline code in headings, their anchors and the list of them', () => {
    const html = pages.get('documents/Coming_from_waitUntil.html')
    expect(html).toContain('id="when-plain-waituntil-is-enough"')
    expect(html).toContain('>When plain <code>waitUntil</code> is enough')
    expect(html).toMatch(/href="#when-plain-waituntil-is-enough"[^>]*>(?:<[^>]*>)*When plain wait/)
  })

  it('has each guide, under its title, in a group', async () => {
    const listed = new Set(allOf(navigation).map(({ text }) => text.replaceAll('\u200B', '')))
    const missing: string[] = []
    for await (const path of glob('docs/**/*.md', { cwd: root })) {
      const text = await readFile(join(root, path), 'utf8')
      const [, title = '', group = ''] = /^---\ntitle: (.+)\ngroup: (.+)\n/.exec(text) ?? []
      if (group === '' || !listed.has(title)) missing.push(path)
    }
    expect(missing).toEqual([])
  })

  it('shows the guides first, in groups in reading order', () => {
    expect(navigation.map(({ text }) => text)).toEqual([
      'Start',
      'Hosts and frameworks',
      'Guides',
      'Recipes',
      'Background',
      'Modules',
    ])
  })

  it('names each entry point as it is imported', () => {
    const entryPoints = Object.keys(packageJson.exports)
      .filter((key) => key !== './package.json')
      .map((key) => packageJson.name + key.slice(1))
    const modules = navigation.find(({ text }) => text === 'Modules')?.children ?? []
    expect(modules.map(({ text }) => text).toSorted()).toEqual(entryPoints.toSorted())
  })

  it.for([
    ['SIGTERM', 'Production'],
    ['redirect', 'Next.js'],
    ['Next.js', 'Next.js'],
    ['unreadTimeout', 'Lifecycle'],
    ['nodemailer', 'Send an e-mail'],
    ['minified', 'Troubleshooting'],
  ])('finds %s, on the page %s too', async ([query = '', title]) => {
    const { index, rows } = await readAsset<{ index: object; rows: { name: string }[] }>(
      'search.js',
    )
    // As the page asks for what is typed into it.
    const found = lunr.Index.load(index).search(`*${query}*`)
    expect(found.map(({ ref }) => rows[Number(ref)]?.name)).toContain(title)
  })
})

async function isThere(from: string, href: string): Promise<boolean> {
  const [path = '', anchor = ''] = decodeURI(href).split('#')
  const to = path === '' ? from : relative(site, join(site, dirname(from), path))
  const html = pages.get(to)
  if (html === undefined)
    return readFile(join(site, to)).then(
      () => true,
      () => false,
    )
  return anchor === '' || html.includes(` id="${anchor}"`)
}

function allOf(entries: readonly Entry[]): Entry[] {
  return entries.flatMap((entry) => [entry, ...allOf(entry.children ?? [])])
}

/** TypeDoc writes its data as compressed JSON into a script. */
async function readAsset<Data>(name: string): Promise<Data> {
  const script = await readFile(join(site, 'assets', name), 'utf8')
  const [, base64 = ''] = /"([^"]+)"/.exec(script) ?? []
  return JSON.parse(inflateSync(Buffer.from(base64, 'base64')).toString())
}
