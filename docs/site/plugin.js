// What TypeDoc does not do by itself. It leaves inline code out of the anchor of a heading and out of
// "On This Page": as text between two tags it is kept in both, and anchors are those of the usual
// forges.

/** @param {import('typedoc').Application} app */
export function load(app) {
  // What is set earlier is read over by typedoc.json.
  app.on('bootstrapEnd', () => app.options.setValue('markdownItLoader', keepHeadingCode))
  // The only page without a title of its own: elsewhere it is read as a file, not as a page.
  app.converter.on('resolveBegin', ({ project }) => {
    for (const page of Object.values(project.reflections)) {
      if (page.name === 'CHANGELOG') page.name = 'Changelog'
    }
  })
}

function keepHeadingCode(parser) {
  parser.core.ruler.push('heading_code', ({ tokens, Token }) => {
    tokens.forEach((token, index) => {
      if (token.type !== 'heading_open') return
      const heading = tokens[index + 1]
      heading.children = heading.children.flatMap((child) =>
        child.type === 'code_inline' ? asText(child, Token) : [child],
      )
    })
  })
}

function asText({ content }, Token) {
  const [open, text, close] = ['html_inline', 'text', 'html_inline'].map(
    (type) => new Token(type, '', 0),
  )
  open.content = '<code>'
  text.content = content
  close.content = '</code>'
  return [open, text, close]
}
