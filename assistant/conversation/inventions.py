"""Sentences that recognisers are known to write for sound without words. Whoever knows another adds a line here.

Whisper and its kin learnt from subtitles, and a video that falls silent has credits, thanks and requests in its
subtitles. So that is what they write where nobody speaks. Of all inventions two thirds are such sentences; "thank you"
is every fourth, "thanks for watching" every tenth (Baranski et al., "Investigation of Whisper ASR Hallucinations
Induced by Non-Speech Audio", ICASSP 2025, arXiv 2501.11378, of English). The other languages are from what users report
of Whisper large-v2 and v3 (openai/whisper discussion 679 and others) and from the lists that other programs keep.

Only a whole transcript counts (said once or over and over), never a part of one; case, punctuation and figures do not.
"""

from __future__ import annotations

from collections.abc import Mapping

CREDITS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Subtitles by the Amara.org community",
        "Subs by www.zeoranger.co.uk",
        "Transcription by CastingWords",
        "Transcribed by https://otter.ai",
        "ESO, Translation by",
    ),
    "de": (
        "Untertitel der Amara.org-Community",
        "Untertitelung aufgrund der Amara.org-Community",
        "Untertitel im Auftrag des ZDF",
        "Untertitel im Auftrag des ZDF für funk",
        "Untertitelung des ZDF",
        "Untertitel von Stephanie Geiges",
        "Copyright WDR",
        "SWR",
    ),
    "fr": (
        "Sous-titres réalisés par la communauté d'Amara.org",
        "Sous-titres réalisés para la communauté d'Amara.org",
        "Sous-titrage Société Radio-Canada",
        "Sous-titrage ST' 501",
        "par SousTitreur.com",
    ),
    "es": ("Subtítulos realizados por la comunidad de Amara.org", "Subtítulos por la comunidad de Amara.org"),
    "it": ("Sottotitoli creati dalla comunità Amara.org", "Sottotitoli e revisione a cura di QTSS"),
    "pt": ("Legendas pela comunidade Amara.org", "Transcrição e Legendas Pedro Negri"),
    "nl": ("Ondertitels ingediend door de Amara.org gemeenschap", "Ondertiteld door de Amara.org gemeenschap"),
    "sv": ("Undertexter från Amara.org-gemenskapen", "Svensktextning.nu"),
    "no": ("Undertekster av Ai-Media",),
    "da": ("Danske tekster af Nicolai Winther",),
    "pl": ("Napisy stworzone przez społeczność Amara.org",),
    "ru": ("Субтитры сделал DimaTorzok", "Субтитры создавал DimaTorzok", "Редактор субтитров А.Синецкая"),
    "tr": ("Altyazı M.K.",),
    "zh": ("字幕由Amara.org社区提供", "中文字幕由Amara.org社區提供", "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目"),
    "ko": ("자막 제공 및 광고를 포함하고 있습니다",),
}
"""Credits and advertisements: nobody says them to an assistant."""

FAREWELLS: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Thanks for watching",
        "Thank you for watching",
        "Thank you so much for watching",
        "Thanks for listening",
        "Please subscribe",
        "Please subscribe to my channel",
        "Don't forget to like and subscribe",
        "See you in the next video",
        "I'll see you in the next video",
    ),
    "de": ("Vielen Dank fürs Zuschauen", "Danke fürs Zuschauen", "Vielen Dank für das Zuschauen"),
    "fr": ("Merci d'avoir regardé cette vidéo", "Merci d'avoir regardé", "N'oubliez pas de vous abonner"),
    "es": ("Gracias por ver el video", "Gracias por ver el vídeo", "Gracias por ver", "Suscríbete al canal"),
    "it": ("Grazie per la visione", "Grazie per aver guardato il video", "Iscriviti al canale"),
    "pt": ("Obrigado por assistir", "Inscreva-se no canal"),
    "nl": ("Bedankt voor het kijken", "Tot de volgende keer"),
    "pl": ("Dzięki za oglądanie", "Dziękuję za uwagę", "Do zobaczenia w następnym odcinku"),
    "ru": ("Спасибо за просмотр", "Продолжение следует", "Подписывайтесь на канал"),
    "tr": ("İzlediğiniz için teşekkür ederim", "Abone olmayı unutmayın"),
    "ja": (
        "ご視聴ありがとうございました",
        "ご視聴ありがとうございます",
        "次の動画でお会いしましょう",
        "チャンネル登録をよろしくお願いします",
    ),
    "zh": ("感谢观看", "谢谢观看", "感謝觀看", "謝謝觀看"),
    "ko": ("시청해주셔서 감사합니다", "시청해 주셔서 감사합니다", "구독과 좋아요 부탁드립니다"),
}
"""How videos end. Somebody may dictate such a sentence: it is believed to a clear voice that was clearly understood."""

COURTESIES: Mapping[str, tuple[str, ...]] = {
    "en": ("Thank you", "Thank you very much", "Thank you so much", "Thanks", "You", "Bye", "Okay", "Oh", "So"),
    "de": ("Vielen Dank", "Danke", "Danke schön", "Tschüss"),
    "fr": ("Merci", "Merci beaucoup", "Au revoir"),
    "es": ("Gracias", "Muchas gracias", "Adiós"),
    "it": ("Grazie", "Grazie a tutti", "Ciao"),
    "pt": ("Obrigado", "Obrigada", "Tchau"),
    "nl": ("Dank u wel", "Dank je wel"),
    "pl": ("Dziękuję", "Dzięki"),
    "ru": ("Спасибо", "Пока"),
    "tr": ("Teşekkürler", "Teşekkür ederim"),
    "ja": ("ありがとうございました", "ありがとうございます", "おやすみなさい"),
    "zh": ("谢谢", "謝謝", "谢谢大家"),
    "ko": ("감사합니다", "고맙습니다"),
}
"""What people say as well, and often: it is believed to a voice, unless the recogniser doubts it itself."""
