/** Runs in a page: the text whose contrast is below what WCAG 2.2 asks for at level AA. */
export function findFaintText(): string[] {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
  const pixel = (color: string): number[] => {
    canvas?.clearRect(0, 0, 1, 1)
    if (canvas !== null) canvas.fillStyle = color
    canvas?.fillRect(0, 0, 1, 1)
    return [...(canvas?.getImageData(0, 0, 1, 1).data ?? [])]
  }
  // https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const luminance = (color: string): number => {
    const [red = 0, green = 0, blue = 0] = pixel(color).map((value) => {
      const share = value / 255
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
    })
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
  }
  const background = (element: Element | null): string => {
    if (element === null) return 'white'
    const { backgroundColor } = getComputedStyle(element)
    return pixel(backgroundColor)[3] === 255 ? backgroundColor : background(element.parentElement)
  }
  const texts = [...document.querySelectorAll('body *')].filter((element) => {
    const hasText = [...element.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim(),
    )
    return hasText && element.checkVisibility() && element.closest('.hidden') === null
  })
  return texts.flatMap((element) => {
    const text = luminance(getComputedStyle(element).color)
    const behind = luminance(background(element))
    const contrast = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05)
    return contrast < 4.5 ? [`${contrast.toFixed(1)}: ${element.textContent}`] : []
  })
}
