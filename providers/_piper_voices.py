"""The voices that Piper's authors publish: VOICES.md of rhasspy/piper, which lists huggingface.co/rhasspy/piper-voices.

One is left out (pt_PT, tugão): the names that Parley takes are of plain letters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MEGABYTES: Mapping[str, int] = {"x_low": 25, "low": 63, "medium": 63, "high": 114}
"""A model of each quality, about."""

_PUBLISHED = """
ar_JO kareem-low kareem-medium
ca_ES upc_ona-x_low upc_ona-medium upc_pau-x_low
cs_CZ jirka-low jirka-medium
cy_GB bu_tts-medium gwryw_gogleddol-medium
da_DK talesyntese-medium
de_DE eva_k-x_low karlsson-low kerstin-low mls-medium pavoque-low ramona-low thorsten-low thorsten-medium thorsten-high
de_DE thorsten_emotional-medium
el_GR rapunzelina-low
en_GB alan-low alan-medium alba-medium aru-medium cori-medium cori-high jenny_dioco-medium northern_english_male-medium
en_GB semaine-medium southern_english_female-low vctk-medium
en_US amy-low amy-medium arctic-medium bryce-medium danny-low hfc_female-medium hfc_male-medium joe-medium john-medium
en_US kathleen-low kristin-medium kusal-medium l2arctic-medium lessac-low lessac-medium lessac-high libritts-high
en_US libritts_r-medium ljspeech-medium ljspeech-high norman-medium reza_ibrahim-medium ryan-low ryan-medium ryan-high
en_US sam-medium
es_ES carlfm-x_low davefx-medium mls_10246-low mls_9972-low sharvard-medium
es_MX ald-medium claude-high
fa_IR amir-medium ganji-medium ganji_adabi-medium gyro-medium reza_ibrahim-medium
fi_FI harri-low harri-medium
fr_FR gilles-low mls-medium mls_1840-low siwis-low siwis-medium tom-medium upmc-medium
hu_HU anna-medium berta-medium imre-medium
is_IS bui-medium salka-medium steinn-medium ugla-medium
it_IT paola-medium riccardo-x_low
ka_GE natia-medium
kk_KZ iseke-x_low issai-high raya-x_low
lb_LU marylux-medium
lv_LV aivars-medium
ml_IN arjun-medium meera-medium
ne_NP google-x_low google-medium
nl_BE nathalie-x_low nathalie-medium rdh-x_low rdh-medium
nl_NL mls-medium mls_5809-low mls_7432-low pim-medium ronnie-medium
no_NO talesyntese-medium
pl_PL darkman-medium gosia-medium mc_speech-medium mls_6892-low
pt_BR cadu-medium edresson-low faber-medium jeff-medium
ro_RO mihai-medium
ru_RU denis-medium dmitri-medium irina-medium ruslan-medium
sk_SK lili-medium
sl_SI artur-medium
sr_RS serbski_institut-medium
sv_SE lisa-medium nst-medium
sw_CD lanfrica-medium
tr_TR dfki-medium fahrettin-medium fettah-medium
uk_UA lada-x_low ukrainian_tts-medium
vi_VN 25hours_single-low vais1000-medium vivos-x_low
zh_CN huayan-x_low huayan-medium
"""


def _names(table: str) -> list[str]:
    rows = [row.split() for row in table.strip().splitlines()]
    return sorted(f"{language}-{voice}" for language, *voices in rows for voice in voices)


KNOWN: Sequence[str] = _names(_PUBLISHED)
"""What the option ``voice`` takes, sorted."""
