"""What voices say to be checked, compared and heard, in each language: everyday words, every sound."""

_ENGLISH = (
    "The garden behind our house is full of yellow roses, and the bees love every single one of them.",
    "Would you mind closing the window before the thunderstorm reaches the valley this afternoon?",
    "My younger brother measured the kitchen table twice, yet the cloth he bought was still too short.",
    "Fresh coffee, warm bread and a good newspaper: that is how a quiet Sunday should begin.",
)

TEST_SENTENCES: dict[str, tuple[str, ...]] = {
    "en": _ENGLISH,
    "en-GB": _ENGLISH,
    "es": (
        "Esta mañana el mercado estaba lleno de gente que buscaba fruta fresca y pan caliente.",
        "¿Te importaría cerrar la ventana antes de que llegue la tormenta al valle?",
        "Mi hermana midió la mesa dos veces, pero el mantel seguía siendo demasiado corto.",
        "Un buen café, un libro y el ruido de la lluvia: así empieza un domingo tranquilo.",
    ),
    "fr": (
        "Ce matin, le marché était plein de gens qui cherchaient des fruits frais et du pain chaud.",
        "Voulez-vous bien fermer la fenêtre avant que l'orage n'arrive dans la vallée ?",
        "Ma sœur a mesuré la table deux fois, mais la nappe était encore trop courte.",
        "Un bon café, un livre et le bruit de la pluie : voilà comment commence un dimanche tranquille.",
    ),
    "it": (
        "Questa mattina il mercato era pieno di gente che cercava frutta fresca e pane caldo.",
        "Le dispiace chiudere la finestra prima che il temporale arrivi nella valle?",
        "Mia sorella ha misurato il tavolo due volte, ma la tovaglia era ancora troppo corta.",
        "Un buon caffè, un libro e il rumore della pioggia: così comincia una domenica tranquilla.",
    ),
    "pt": (
        "Esta manhã o mercado estava cheio de gente à procura de fruta fresca e pão quente.",
        "Você pode fechar a janela antes que a tempestade chegue ao vale?",
        "Minha irmã mediu a mesa duas vezes, mas a toalha ainda era muito curta.",
        "Um bom café, um livro e o barulho da chuva: assim começa um domingo tranquilo.",
    ),
    "hi": (
        "आज सुबह बाज़ार ताज़े फल और गरम रोटी खरीदने वालों से भरा हुआ था।",
        "क्या आप तूफ़ान आने से पहले खिड़की बंद कर देंगे?",
        "मेरी बहन ने मेज़ को दो बार नापा, फिर भी कपड़ा बहुत छोटा निकला।",
        "एक अच्छी किताब, गरम चाय और बारिश की आवाज़, ऐसे ही इतवार शुरू होना चाहिए।",
    ),
}

GREETINGS: dict[str, str] = {
    "en": "It's nice to meet you. Hope you're having a great day.",
    "en-GB": "It's lovely to meet you. I hope you're having a good day.",
    "es": "Mucho gusto en conocerte. Espero que tengas un buen día.",
    "fr": "Je suis ravi de vous rencontrer. Je vous souhaite une belle journée.",
    "it": "È un piacere conoscerti. Spero che tu stia passando una bella giornata.",
    "pt": "É um prazer conhecer você. Espero que o seu dia esteja ótimo.",
    "hi": "आपसे मिलकर खुशी हुई। आशा है आपका दिन अच्छा बीत रहा है।",
}
"""A short text for previews and empty text boxes."""
