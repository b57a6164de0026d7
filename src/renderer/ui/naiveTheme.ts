import type { GlobalThemeOverrides } from 'naive-ui'
import type { TokenReader } from './tokens'

/** Naive UI in the page's own colours and measures; the one place where it is themed. */
export function naiveTheme(token: TokenReader): GlobalThemeOverrides {
  const accent = token('--accent')
  const failed = token('--status-failed')
  const warning = token('--status-interrupted')
  const success = token('--status-finished')
  const font = getComputedStyle(document.body).fontFamily
  const fontFamilyMono = getComputedStyle(document.documentElement).getPropertyValue('--mono')
  const line = token('--line')
  return {
    common: {
      fontFamily: font,
      fontFamilyMono,
      fontSize: '13px',
      fontSizeMini: '11px',
      fontSizeTiny: '12px',
      fontSizeSmall: '13px',
      fontSizeMedium: '13px',
      fontSizeLarge: '14px',
      lineHeight: '1.45',
      borderRadius: '5px',
      borderRadiusSmall: '4px',
      heightTiny: '22px',
      heightSmall: '26px',
      heightMedium: '30px',
      heightLarge: '34px',
      primaryColor: accent,
      primaryColorHover: token('--accent-hover'),
      primaryColorPressed: token('--accent-hover'),
      primaryColorSuppl: accent,
      infoColor: accent,
      successColor: success,
      successColorHover: success,
      successColorPressed: success,
      warningColor: warning,
      warningColorHover: warning,
      warningColorPressed: warning,
      errorColor: failed,
      errorColorHover: failed,
      errorColorPressed: failed,
      errorColorSuppl: failed,
      bodyColor: token('--page'),
      cardColor: token('--surface'),
      modalColor: token('--surface'),
      popoverColor: token('--surface'),
      tableColor: token('--surface'),
      inputColor: token('--surface'),
      inputColorDisabled: token('--raised'),
      actionColor: token('--raised'),
      hoverColor: token('--hover'),
      borderColor: token('--line-control'),
      dividerColor: line,
      textColorBase: token('--text'),
      textColor1: token('--text'),
      textColor2: token('--text'),
      textColor3: token('--text-quiet'),
      textColorDisabled: token('--text-faint'),
      placeholderColor: token('--text-faint'),
      iconColor: token('--text-quiet'),
      closeIconColor: token('--text-quiet'),
      clearColor: token('--text-quiet'),
    },
    Button: { textColorPrimary: token('--accent-text'), textColorHoverPrimary: token('--accent-text') },
    Tabs: { tabGapSmallLine: '20px', tabPaddingSmallLine: '4px 0' },
    DataTable: { thPaddingSmall: '5px 8px', tdPaddingSmall: '4px 8px', thColor: token('--raised') },
  }
}
